"""Which detector settings and trackers are left out for a while, because they failed."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.exceptions import described, one_line

__all__ = ["FailingParts", "Part"]

#: A detector setting, ``(shape, nprop)``, or a tracker.
Part = tuple[int, int | None] | TrackerSettings

#: Tries that are remembered, and failures among them with which a part is left out.
_TRIES, _PATIENCE = 6, 3
#: Frames for which a part is left out at first, and at most; each failed retry doubles them.
_FIRST_FRAMES, _MOST_FRAMES = 30, 3840
#: Parts and image sizes that are remembered: a stream may have many sizes.
_MOST_RECORDS = 200
#: Characters of a reason that are told.
_LONGEST_REASON = 200

#: A part and the size of the images that it was tried on; None: sizes it had no record of.
_Key = tuple[Part, tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class _Record:
    """What is known of a part that failed lately.

    Attributes
    ----------
    tries
        The last ones, whether each failed.
    due
        Number of the frame from which on it may be chosen.
    times_out
        How often it was left out and failed again.
    reason
        Of the last failure.
    """

    tries: tuple[bool, ...] = ()
    due: int = 0
    times_out: int = 0
    reason: str = ""


class FailingParts:
    """Leave parts out that fail often, for numbers of frames that double.

    What fails on images of one size may work on others, so each size has its own record. A part
    that fails on several sizes that are new to it is left out on all.

    An input that no part can process makes all of them fail. So if a part succeeds that failed
    since the last success, whatever else failed meanwhile is tried again at once.

    Parameters
    ----------
    space
        Whose parts they are.
    """

    def __init__(self, space: BranchSpace) -> None:
        self._space = space
        #: The latest failure last. Replaced, never changed: others read it.
        self._records: dict[_Key, _Record] = {}
        #: Parts that failed since the last success of any.
        self._latest: set[Part] = set()
        self._frame = 0
        self._image_size = (0, 0)

    def begin_frame(self, image_size: tuple[int, int]) -> None:
        """Count a frame of a width and height."""
        self._frame += 1
        self._image_size = image_size

    def failed(self, part: Part, error: Exception) -> None:
        """Take in that a part failed on this frame."""
        records = dict(self._records)
        for key in self._keys(part):
            before = records.pop(key, _Record())
            tries = (*before.tries, True)[-_TRIES:]
            is_out = sum(tries) >= _PATIENCE
            frames = min(_FIRST_FRAMES << min(before.times_out, 10), _MOST_FRAMES) if is_out else 0
            records[key] = _Record(
                tries,
                self._frame + frames,
                before.times_out + is_out,
                one_line(described(error), _LONGEST_REASON),
            )
        self._records = dict(list(records.items())[-_MOST_RECORDS:])
        self._latest.add(part)

    def succeeded(self, part: Part) -> None:
        """Take in that a part did its work on this frame."""
        records = dict(self._records)
        if part in self._latest and len(self._latest) > 1:
            for key, record in self._records.items():
                if key[0] in self._latest and key[1] in (self._image_size, None):
                    records[key] = replace(record, due=self._frame, times_out=0)
        for key in self._keys(part):
            if key in records:
                tries = (*records[key].tries, False)[-_TRIES:]
                records[key] = replace(records[key], tries=tries, due=self._frame)
        self._records = {key: record for key, record in records.items() if any(record.tries)}
        self._latest = set()

    def _keys(self, part: Part) -> list[_Key]:
        """Of the records that trying a part on this frame concerns."""
        own: _Key = (part, self._image_size)
        return [own] if own in self._records else [own, (part, None)]

    def open_among(self, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """``(B,)`` which of the branches allowed have no part left out.

        If all have, those whose parts are due first.
        """
        if not self._records:
            return allowed
        due = np.array([self._due(branch) for branch in self._space])
        is_open = allowed & (due <= self._frame)
        return is_open if is_open.any() else allowed & (due == due[allowed].min())

    def _due(self, branch: Branch) -> int:
        """Frame from which on all parts of a branch may be chosen."""
        parts = (branch.detector_settings, branch.tracker_settings)
        keys = ((part, size) for part in parts for size in (self._image_size, None))
        return max(self._records[key].due if key in self._records else 0 for key in keys)

    def report(self, current: Branch | None) -> list[str]:
        """Tell which parts are left out, a sentence each; may be asked from any thread.

        ``current`` is the branch that runs: its parts are tried although they failed.
        """
        used = (current.detector_settings, current.tracker_settings) if current else ()
        here = (self._image_size, None)
        return [
            f"{_name(part)} is left out{_place(size)}: {sum(record.tries)} of its last "
            f"{len(record.tries)} tries failed ({record.reason}); tried again in "
            f"{record.due - self._frame} frames"
            for (part, size), record in self._records.items()
            if record.due > self._frame and not (part in used and size in here)
        ]


def _place(size: tuple[int, int] | None) -> str:
    return "" if size is None else f" on images of {size[0]}x{size[1]} px"


def _name(part: Part) -> str:
    if isinstance(part, TrackerSettings):
        return f"tracker {part.name}:{part.ds}"
    shape, nprop = part
    return f"detector setting shape={shape}" + ("" if nprop is None else f",nprop={nprop}")
