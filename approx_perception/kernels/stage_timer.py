"""Measure the stages and the parts of one frame."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from approx_perception.clock import Clock
from approx_perception.structures import StageTimings

__all__ = ["StageTimer"]


class StageTimer:
    """Add up the time that each stage and each part of one frame takes.

    Parameters
    ----------
    clock
        Where time comes from.
    decode_ms
        What was spent on the frame before it got here.
    """

    def __init__(self, clock: Clock, decode_ms: float) -> None:
        self._clock = clock
        self._start_ns = clock.monotonic_ns()
        self._paused_ns = 0
        self._stages_ms: dict[str, float] = {"decode": decode_ms}
        #: Each part that ran, as often as it did, the stage that it is timed as, and its time.
        self._runs: list[tuple[int, str, float]] = []
        #: Part that is under way, or began last and nothing after it: at fault if the frame fails.
        self.latest_part: int | None = None
        #: Images of the batch that the frame was in, and what those of others took of it.
        self.batch_size, self.others_ms = 1, 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as a stage."""
        start_ns, self.latest_part = self._clock.monotonic_ns(), None
        try:
            yield
        finally:
            _add(self._stages_ms, name, (self._clock.monotonic_ns() - start_ns) / 1e6)

    @contextmanager
    def part(self, position: int, stage: str) -> Iterator[None]:
        """Time a block as a stage which is a part of the space."""
        before_ms = self._stages_ms.get(stage, 0.0)
        with self.stage(stage):
            self.latest_part = position
            yield
        self._runs.append((position, stage, self._stages_ms[stage] - before_ms))

    def charge(self, position: int, stage: str, ms: float, batch_size: int) -> None:
        """Count a part that ran for a batch of images, this one among them, during a pause."""
        _add(self._stages_ms, stage, ms)
        self._runs.append((position, stage, ms / batch_size))
        self._start_ns -= round(ms * 1e6)
        self.batch_size, self.others_ms = batch_size, ms - ms / batch_size

    def charge_all(self, part_ms: npt.NDArray[np.float64]) -> None:
        """Count for all that ran, in no time, what it takes on another machine.

        ``part_ms``: ``(P,)`` by position.
        """
        ran, self._runs = self._runs, []
        for position, stage, _ in ran:
            self.charge(position, stage, float(part_ms[position]), 1)

    def pause(self) -> None:
        """Count nothing from now on: the frame waits for others."""
        self._paused_ns = self._clock.monotonic_ns()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._start_ns += self._clock.monotonic_ns() - self._paused_ns

    @property
    def parts(self) -> tuple[tuple[int, float], ...]:
        """Position of each part that ran, and what it took in ms; of a batch this image's share."""
        return tuple((position, ms) for position, _, ms in self._runs)

    def finish(self) -> StageTimings:
        """Return all stages and the whole."""
        since_start_ms = (self._clock.monotonic_ns() - self._start_ns) / 1e6
        stages = dict(self._stages_ms)
        decode_ms, schedule_ms = stages.pop("decode"), stages.pop("schedule", 0.0)
        return StageTimings(decode_ms, schedule_ms, since_start_ms + decode_ms, stages)


def _add(times_ms: dict[str, float], key: str, ms: float) -> None:
    """What runs twice in a frame takes both times."""
    times_ms[key] = times_ms.get(key, 0.0) + ms
