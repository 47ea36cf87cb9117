"""Detector or tracker, then association: one frame in, one result out."""

from collections.abc import Callable, Mapping

from approx_perception.association import Associator
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock, MonotonicClock
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.features import ContentSensor
from approx_perception.pipeline.stage_timer import StageTimer
from approx_perception.scheduling import Scheduler
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    Frame,
    FrameResult,
    LoadReading,
    Observation,
)
from approx_perception.trackers import Tracker, create_tracker

__all__ = ["FramePipeline", "create_trackers"]


def create_trackers(space: BranchSpace) -> dict[TrackerSettings, Tracker]:
    """Build every tracker that a space names, so that a switch builds nothing."""
    return {settings: create_tracker(settings) for settings in space.trackers}


class FramePipeline:
    """Process frames one after the other under a latency SLA.

    Not thread-safe, but `sla`, `score_threshold` and the scheduler's policy may be replaced
    from another thread at any time; the next frame honours them.

    Parameters
    ----------
    detector
        All branches resident.
    trackers
        Those of the scheduler's space, from `create_trackers`.
    scheduler
        Decides the branch of each frame.
    sla
        In force from the first frame.
    score_threshold
        Detections below it are dropped before they get an identity.
    associator
        Keeps identities.
    clock
        Where latencies come from.
    load
        Newest reading of load monitors, asked before each frame.
    """

    def __init__(
        self,
        detector: Detector,
        trackers: Mapping[TrackerSettings, Tracker],
        scheduler: Scheduler,
        sla: SLA,
        score_threshold: float = 0.05,
        associator: Associator | None = None,
        clock: Clock | None = None,
        load: Callable[[], LoadReading] = LoadReading,
    ) -> None:
        self.detector = detector
        self.scheduler = scheduler
        self.sla = sla
        self.score_threshold = score_threshold
        self._trackers = trackers
        self._associator = associator or Associator()
        self._clock = clock or MonotonicClock()
        self._load = load
        self._content = ContentSensor()
        self._stream: tuple[str, tuple[int, int]] | None = None

    def process(self, frame: Frame) -> FrameResult:
        """Find the objects of a frame.

        Parameters
        ----------
        frame
            Newer than the one before, with a higher sequence number.

        Returns
        -------
        FrameResult
            Detections with identities, the decision and what each stage took.
        """
        sla = self.sla
        timer = StageTimer(self._clock, frame.decode_ms)
        try:
            with timer.stage("schedule"):
                decision = self.scheduler.decide(self._observe(frame, sla))
            if decision.run_detector:
                detections = self._detect(frame, decision, timer)
            else:
                detections = self._track(frame, decision, timer)
            with timer.stage("features"):
                self._see(frame, detections)
        except Exception:
            self.scheduler.abort_group()
            raise
        result = FrameResult(
            frame.stamp_ns, frame.source_id, frame.sequence, detections, decision, sla,
            timer.finish(),
        )  # fmt: skip
        self.scheduler.observe(result)
        return result

    def _observe(self, frame: Frame, sla: SLA) -> Observation:
        image_size = frame.image.shape[1], frame.image.shape[0]
        stream = (frame.source_id, image_size)
        if stream != self._stream:
            # Boxes of another stream or resolution say nothing about this one.
            self._associator.reset()
            self._content.reset()
            self._stream = stream
        wanted = self.scheduler.wants_image_features(sla)
        self._content.see_image(frame.image if wanted else None)
        return Observation(sla, self._content.features, frame.source_id, image_size, self._load())

    def _see(self, frame: Frame, detections: Detections) -> None:
        speeds = self._associator.speeds_px_per_frame(detections)
        size = (frame.image.shape[1], frame.image.shape[0])
        self._content.see_objects(detections, speeds, size)

    def _detect(self, frame: Frame, decision: Decision, timer: StageTimer) -> Detections:
        branch = decision.branch
        with timer.stage("detect"):
            found = self.detector.detect(frame.image, DetectorSettings(branch.shape, branch.nprop))
            found = found.with_score(self.score_threshold)
        with timer.stage("associate"):
            detections = self._associator.associate(found, frame.sequence)
        if branch.tracker_settings is not None:
            with timer.stage("initialize"):
                self._trackers[branch.tracker_settings].initialize(frame.image, detections)
        return detections

    def _track(self, frame: Frame, decision: Decision, timer: StageTimer) -> Detections:
        tracker = decision.branch.tracker_settings
        if tracker is None:
            raise AssertionError(f"branch {decision.branch} has no tracker but a tracked frame")
        with timer.stage("track"):
            update = self._trackers[tracker].update(frame.image)
        with timer.stage("associate"):
            return self._associator.follow(update, frame.sequence)
