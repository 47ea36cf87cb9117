"""Several cameras, one detector: who may take how much, and what runs as one batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from approx_perception.clock import Clock
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.pipeline.frame_pipeline import FramePipeline, FrameUnderWay
from approx_perception.structures import SLA, Detections, Frame, FrameResult

__all__ = ["CameraGroup", "shared_budgets"]

Outcome = FrameResult | Exception


def shared_budgets(slas: Mapping[str, SLA]) -> dict[str, SLA]:
    """Split budgets so that all cameras together fit.

    Frames cannot be interrupted, so one that arrives while every other camera has one ahead of it
    waits for all of them. With an equal share of the tightest SLA each, it is still in time.

    Parameters
    ----------
    slas
        Of the cameras that send images now.
    """
    tightest_ms = min((sla.latency_ms for sla in slas.values()), default=0.0)
    return {
        name: sla
        if len(slas) == 1
        else replace(sla, latency_ms=tightest_ms / len(slas), asked_ms=sla.latency_ms)
        for name, sla in slas.items()
    }


class CameraGroup:
    """Process frames of several cameras that are due together; used from one thread.

    Parameters
    ----------
    detector
        Of all pipelines.
    pipelines
        ``{camera: its own pipeline}``, each with its own trackers, identities and scheduler.
    batched
        ``(shape, nprop)`` at which a batch is faster than its images one by one.
    clock
        Times batches.
    """

    def __init__(
        self,
        detector: Detector,
        pipelines: Mapping[str, FramePipeline],
        batched: Collection[tuple[int, int | None]],
        clock: Clock,
    ) -> None:
        self._detector, self._pipelines = detector, pipelines
        self._batched, self._clock = frozenset(batched), clock

    def process(self, frames: Sequence[tuple[str, Frame]]) -> list[Outcome]:
        """Find the objects of at most one frame a camera.

        Returns
        -------
        list
            A result for each frame, or what went wrong with it: that leaves the others alone.
        """
        if len(frames) == 1:
            return [self._finish(*frames[0], None, None)]
        outcomes: list[Outcome | None] = [None] * len(frames)
        alike: dict[tuple[DetectorSettings, tuple[int, ...]], list[int]] = {}
        works: dict[int, FrameUnderWay] = {}
        for index, (camera, frame) in enumerate(frames):
            try:
                work = self._pipelines[camera].begin(frame)
            except Exception as error:
                outcomes[index] = error
                continue
            settings = work.detector_settings
            is_batched = settings and (settings.shape, settings.nprop) in self._batched
            if settings is None or not is_batched:
                outcomes[index] = self._finish(camera, frame, work, None)
                continue
            works[index] = work
            alike.setdefault((settings, frame.image.shape), []).append(index)
        for (settings, _), members in alike.items():
            found = self._detect(settings, [works[index] for index in members])
            for index, own in zip(members, found, strict=True):
                outcomes[index] = self._finish(*frames[index], works[index], own, len(members))
        return [outcome for outcome in outcomes if outcome is not None]

    def _finish(
        self,
        camera: str,
        frame: Frame,
        work: FrameUnderWay | None,
        found: Detections | None,
        batch_size: int = 1,
    ) -> Outcome:
        pipeline = self._pipelines[camera]
        try:
            return pipeline.finish(work or pipeline.begin(frame), found, batch_size)
        except Exception as error:
            return error

    def _detect(
        self, settings: DetectorSettings, works: Sequence[FrameUnderWay]
    ) -> Sequence[Detections | None]:
        """Detect together, each waits for all; None for a lone frame or after a failure."""
        if len(works) == 1:
            return [None]
        start_ns = self._clock.monotonic_ns()
        try:
            found = self._detector.detect_together([w.frame.image for w in works], settings)
        except Exception:
            # One by one it shows whose image it was.
            return [None] * len(works)
        batch_ms = (self._clock.monotonic_ns() - start_ns) / 1e6
        for work in works:
            work.timer.charge("detect", batch_ms)
        return found
