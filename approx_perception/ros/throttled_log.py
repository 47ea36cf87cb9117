"""Lines that may come with every message: some are told, the others are counted."""

from collections.abc import Callable
from dataclasses import dataclass

from approx_perception.clock import Clock

__all__ = ["ThrottledLog"]

_PERIOD_S = 5.0


@dataclass(slots=True)
class _Kind:
    told_ns: int
    #: Since then.
    untold: int = 0
    latest: str = ""


class ThrottledLog:
    """Tell the first line of a kind at once, then one in five seconds, with a count of the others.

    The latest line is told in the end, so that a log ends with what holds.

    Parameters
    ----------
    tell
        Writes a line.
    clock
        Steady: ROS time may stand still.
    """

    def __init__(self, tell: Callable[[str], object], clock: Clock) -> None:
        self._tell, self._clock = tell, clock
        self._kinds: dict[str, _Kind] = {}

    def __call__(self, kind: str, text: str) -> None:
        """Tell a line of a kind, now or later."""
        own = self._kinds.get(kind)
        if own is None:
            self._kinds[kind] = _Kind(self._clock.monotonic_ns())
            self._tell(text)
        else:
            own.untold, own.latest = own.untold + 1, text

    def look_after(self) -> None:
        """Tell what is due; to be called about once a second."""
        now_ns = self._clock.monotonic_ns()
        for kind, own in list(self._kinds.items()):
            if now_ns - own.told_ns < _PERIOD_S * 1e9:
                continue
            if own.untold == 0:
                del self._kinds[kind]
                continue
            others = own.untold - 1
            self._tell(
                own.latest + (f" ({others} such lines before it not told)" if others else "")
            )
            self._kinds[kind] = _Kind(now_ns)
