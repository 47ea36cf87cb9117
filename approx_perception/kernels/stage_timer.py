"""Measure the stages and the parts of one frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from approx_perception.clock import Clock
from approx_perception.structures import StageTimings

__all__ = ["StageTimer"]

Key = TypeVar("Key", int, str)


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
        self._parts_ms: dict[int, float] = {}
        #: Stage that each part which ran is timed as.
        self.part_stages: dict[int, str] = {}
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
        self._ran(position, stage, self._stages_ms[stage] - before_ms)

    def charge(self, position: int, stage: str, ms: float, batch_size: int) -> None:
        """Count a part that ran for a batch of images, this one among them, during a pause."""
        _add(self._stages_ms, stage, ms)
        self._ran(position, stage, ms / batch_size)
        self._start_ns -= round(ms * 1e6)
        self.batch_size, self.others_ms = batch_size, ms - ms / batch_size

    def _ran(self, position: int, stage: str, ms: float) -> None:
        _add(self._parts_ms, position, ms)
        self.part_stages[position] = stage

    def pause(self) -> None:
        """Count nothing from now on: the frame waits for others."""
        self._paused_ns = self._clock.monotonic_ns()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._start_ns += self._clock.monotonic_ns() - self._paused_ns

    @property
    def parts(self) -> tuple[tuple[int, float], ...]:
        """Position of each part that ran, and what it took in ms; of a batch this image's share."""
        return tuple(self._parts_ms.items())

    def finish(self) -> StageTimings:
        """Return all stages and the whole."""
        since_start_ms = (self._clock.monotonic_ns() - self._start_ns) / 1e6
        stages = dict(self._stages_ms)
        decode_ms, schedule_ms = stages.pop("decode"), stages.pop("schedule", 0.0)
        return StageTimings(decode_ms, schedule_ms, since_start_ms + decode_ms, stages)


def _add(times_ms: dict[Key, float], key: Key, ms: float) -> None:
    """What runs twice in a frame takes both times."""
    times_ms[key] = times_ms.get(key, 0.0) + ms
