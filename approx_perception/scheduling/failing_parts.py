"""Which detector settings and trackers are left out for a while, because they failed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.exceptions import ApproxPerceptionError

__all__ = ["FailingParts", "Part"]

#: A detector setting, ``(shape, nprop)``, or a tracker.
Part = tuple[int, int | None] | TrackerSettings

#: Failures in a row after which a part is left out.
_PATIENCE = 3
#: Frames for which a part is left out at first, and at most; each failed retry doubles them.
_FIRST_FRAMES, _MOST_FRAMES = 30, 3840
#: Characters of a reason that are told.
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class _Failure:
    """What is known of a part that failed and did not succeed since.

    Attributes
    ----------
    count
        Failures in a row.
    due
        Number of the frame from which on it may be chosen.
    reason
        Of the last failure.
    """

    count: int
    due: int
    reason: str


class FailingParts:
    """Count failures in a row, and leave parts out for numbers of frames that double.

    An input that no part can process makes all of them fail. So if a part succeeds that failed
    since the last success, whatever failed meanwhile is tried again at once.

    Parameters
    ----------
    space
        Whose parts they are.
    """

    def __init__(self, space: BranchSpace) -> None:
        self._space = space
        self._failures: dict[Part, _Failure] = {}
        #: Parts that failed since the last success of any.
        self._latest: set[Part] = set()
        self._frame = 0
        self._image_size = (0, 0)

    def begin_frame(self, image_size: tuple[int, int]) -> None:
        """Count a frame; what failed on images of another size may work on this one."""
        self._frame += 1
        if image_size != self._image_size:
            self._image_size = image_size
            self._failures, self._latest = {}, set()

    def failed(self, part: Part, error: Exception) -> None:
        """Take in that a part failed on this frame."""
        before = self._failures.get(part)
        count = before.count + 1 if before else 1
        retries = count - _PATIENCE
        frames = min(_FIRST_FRAMES << min(retries, 10), _MOST_FRAMES) if retries >= 0 else 0
        self._failures = {
            **self._failures,
            part: _Failure(count, self._frame + frames, _words(error)),
        }
        self._latest.add(part)

    def succeeded(self, part: Part) -> None:
        """Take in that a part did its work on this frame."""
        if self._failures:
            works = self._latest if part in self._latest else {part}
            self._failures = {p: f for p, f in self._failures.items() if p not in works}
        self._latest = set()

    def open_among(self, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """``(B,)`` which of the branches allowed have no part left out.

        If all have, those whose parts are due first.
        """
        if not self._failures:
            return allowed
        due = np.array([self._due(branch) for branch in self._space])
        is_open = allowed & (due <= self._frame)
        return is_open if is_open.any() else allowed & (due == due[allowed].min())

    def _due(self, branch: Branch) -> int:
        """Frame from which on all parts of a branch may be chosen."""
        parts = (branch.detector_settings, branch.tracker_settings)
        return max(self._failures[p].due if p in self._failures else 0 for p in parts)

    def report(self, current: Branch | None) -> list[str]:
        """Tell which parts are left out, a sentence each; may be asked from any thread.

        ``current`` is the branch that runs: its parts are tried although they failed.
        """
        used = (current.detector_settings, current.tracker_settings) if current else ()
        return [
            f"{_name(part)} is left out after {failure.count} failures in a row "
            f"({failure.reason}); tried again in {failure.due - self._frame} frames"
            for part, failure in self._failures.items()
            if failure.due > self._frame and part not in used
        ]


def _words(error: Exception) -> str:
    """One line of an error that another library may have written."""
    is_ours = isinstance(error, ApproxPerceptionError)
    words = " ".join((str(error) if is_ours else f"{type(error).__name__}: {error}").split())
    return words if len(words) <= _LONGEST_REASON else f"{words[: _LONGEST_REASON - 3]}..."


def _name(part: Part) -> str:
    if isinstance(part, TrackerSettings):
        return f"tracker {part.name}:{part.ds}"
    shape, nprop = part
    return f"detector setting shape={shape}" + ("" if nprop is None else f",nprop={nprop}")
