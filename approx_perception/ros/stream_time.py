"""Whether a stream began anew, told from its stamps."""

__all__ = ["StreamTime"]

#: A stamp that is older than the one before by more than this is another stream: a bag that loops.
_BACKWARDS_NS = 500_000_000
#: A stamp that is farther from the one before is a mistake of the camera, unless the next agrees.
_LEAP_NS = 3_600_000_000_000


class StreamTime:
    """Follows the stamps of one camera.

    Stamps of zero or less say nothing, and one that leaps far says nothing by itself: it, or coming
    back from it, would look like a stream that begins anew.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._leapt_to_ns: int | None = None

    def began_anew(self, stamp_ns: int) -> bool:
        """Take in the next stamp, in ns; whether it is of another stream than those before."""
        if stamp_ns <= 0:
            return False
        last_ns, leapt_to_ns = self._last_ns, self._leapt_to_ns
        self._leapt_to_ns = None
        if last_ns is not None and abs(stamp_ns - last_ns) > _LEAP_NS:
            is_confirmed = leapt_to_ns is not None and abs(stamp_ns - leapt_to_ns) <= _LEAP_NS
            if not is_confirmed:
                self._leapt_to_ns = stamp_ns
                return False
        self._last_ns = stamp_ns
        return last_ns is not None and stamp_ns < last_ns - _BACKWARDS_NS
