"""Several cameras, one kernel: who may take how much, and what runs as one batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from approx_perception.clock import Clock
from approx_perception.kernels import Batch
from approx_perception.pipeline.stream import FrameUnderWay, Stream
from approx_perception.structures import SLA, Frame, FrameResult

__all__ = ["CameraGroup", "Outcome", "shared_budgets"]

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
    streams
        ``{camera: its own stream}``, all of one kernel.
    batched
        Positions of the parts at which a batch is faster than its images one by one.
    clock
        Times batches.
    """

    def __init__(
        self, streams: Mapping[str, Stream], batched: Collection[int], clock: Clock
    ) -> None:
        self._streams, self._batched, self._clock = streams, frozenset(batched), clock

    def process(self, frames: Sequence[tuple[str, Frame]]) -> list[Outcome]:
        """Process at most one frame a camera.

        Returns
        -------
        list
            A result for each frame, or what went wrong with it: that leaves the others alone.
        """
        outcomes: dict[int, Outcome] = {}
        waiting: dict[tuple[int, tuple[int, ...]], dict[int, FrameUnderWay]] = {}
        for index, (camera, frame) in enumerate(frames):
            stream = self._streams[camera]
            try:
                work = stream.begin(frame)
                if len(frames) == 1 or work.main_part not in self._batched:
                    outcomes[index] = stream.finish(work)
                    continue
            except Exception as error:
                outcomes[index] = error
                continue
            waiting.setdefault((work.main_part, frame.image.shape), {})[index] = work
        for (part, _), works in waiting.items():
            states = [self._streams[frames[index][0]].state for index in works]
            batches = self._run(part, list(works.values()), states)
            for (index, work), batch in zip(works.items(), batches, strict=True):
                try:
                    outcomes[index] = self._streams[frames[index][0]].finish(work, batch)
                except Exception as error:
                    outcomes[index] = error
        return [outcomes[index] for index in range(len(frames))]

    def _run(
        self, part: int, works: Sequence[FrameUnderWay], states: Sequence[Any]
    ) -> Sequence[Batch | None]:
        """Run a part together, each waits for all; None for a lone frame or after a failure."""
        if len(works) == 1:
            return [None]
        start_ns = self._clock.monotonic_ns()
        kernel = next(iter(self._streams.values())).kernel
        try:
            own = [(state, work.frame) for state, work in zip(states, works, strict=True)]
            found = kernel.run_together(own, part)
        except Exception:
            found = []
        if len(found) != len(works):
            # One by one it shows whose image it was.
            return [None] * len(works)
        batch_ms = (self._clock.monotonic_ns() - start_ns) / 1e6
        return [Batch(each, len(works), batch_ms) for each in found]
