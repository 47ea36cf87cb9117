"""The only source of time for measurements: a protocol, the real clock and a fake one."""

import time
from typing import Protocol

__all__ = ["Clock", "FakeClock", "MonotonicClock"]


class Clock(Protocol):
    """Anything that tells a monotonic time."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary, fixed moment; never runs backwards."""
        ...


class MonotonicClock:
    """The machine's monotonic clock."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of ``time.monotonic_ns``."""
        return time.monotonic_ns()


class FakeClock:
    """A clock that moves only when told to, for tests.

    Parameters
    ----------
    now_ns
        Where it starts.
    """

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def monotonic_ns(self) -> int:
        """Return the time it was last set to, in ns."""
        return self.now_ns

    def advance_ms(self, duration_ms: float) -> None:
        """Move forward by ``duration_ms``."""
        self.now_ns += round(duration_ms * 1e6)
