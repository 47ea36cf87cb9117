"""Measure the stages of one frame."""

from collections.abc import Iterator
from contextlib import contextmanager

from approx_perception.clock import Clock
from approx_perception.structures import StageTimings

__all__ = ["StageTimer"]


class StageTimer:
    """Add up the time that each stage of one frame takes.

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
        self._stages_ms: dict[str, float] = {"decode_ms": decode_ms}
        #: Stage that began last, which is at fault if the frame fails.
        self.latest = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as the stage ``<name>_ms`` of `StageTimings`."""
        start_ns, self.latest = self._clock.monotonic_ns(), name
        try:
            yield
        finally:
            self._stages_ms[f"{name}_ms"] = (self._clock.monotonic_ns() - start_ns) / 1e6

    def pause(self) -> None:
        """Count nothing from now on: the frame waits for others."""
        self._paused_ns = self._clock.monotonic_ns()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._start_ns += self._clock.monotonic_ns() - self._paused_ns

    def charge(self, name: str, ms: float) -> None:
        """Count what was done for this frame during a pause."""
        self._stages_ms[f"{name}_ms"] = ms
        self._start_ns -= round(ms * 1e6)

    def finish(self) -> StageTimings:
        """Return all stages and the whole."""
        since_start_ms = (self._clock.monotonic_ns() - self._start_ns) / 1e6
        whole_ms = since_start_ms + self._stages_ms["decode_ms"]
        return StageTimings(**self._stages_ms, processing_ms=whole_ms)
