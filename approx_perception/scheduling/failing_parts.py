"""Which parts are left out for a while, because they failed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.branches.compiled import CompiledSpace
from approx_perception.exceptions import counted, described, one_line
from approx_perception.scheduling import constants

__all__ = ["FailingParts"]

#: Owners and image sizes that are remembered: a stream may have many sizes.
_MOST_RECORDS = 200
#: Characters of a reason that are told.
_LONGEST_REASON = 200

#: An owner of parts and the size of the images that it was tried on; None: sizes it had no record
#: of.
_Key = tuple[str, tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class _Record:
    """What is known of an owner that failed lately.

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

    Parts of one owner fail as one. What fails on images of one size may work on others, so each
    size has its own record. What fails on several sizes that are new to it is left out on all.

    An input that no part can process makes all of them fail. So if an owner succeeds that failed
    since the last success, whatever else failed meanwhile is tried again at once.

    Parameters
    ----------
    space
        Whose parts they are.
    """

    def __init__(self, space: CompiledSpace) -> None:
        self._space = space
        self._with_main_part = {
            space.parts[part].owner for parts in space.main_parts for part in parts.tolist()
        }
        #: The latest failure last. Replaced, never changed: others read it.
        self._records: dict[_Key, _Record] = {}
        #: Owners that failed since the last success of any.
        self._latest: set[str] = set()
        self._frame = 0
        self._image_size = (0, 0)

    def begin_frame(self, image_size: tuple[int, int]) -> None:
        """Count a frame of a width and height."""
        self._frame += 1
        self._image_size = image_size

    def failed(self, part: int, error: Exception) -> None:
        """Take in that the part at a position failed on this frame."""
        owner, records = self._space.parts[part].owner, dict(self._records)
        for key in self._keys(owner):
            before = records.pop(key, _Record())
            tries = self._with(before.tries, failed=True)
            is_out = sum(tries) >= constants.PATIENCE[0]
            first, most = constants.LEFT_OUT_FRAMES
            frames = min(first << min(before.times_out, 10), most) if is_out else 0
            records[key] = _Record(
                tries,
                self._frame + frames,
                before.times_out + is_out,
                one_line(described(error), _LONGEST_REASON),
            )
        self._records = dict(list(records.items())[-_MOST_RECORDS:])
        self._latest.add(owner)

    def succeeded(self, parts: Sequence[int]) -> None:
        """Take in that the parts at these positions did their work on a frame, the main one first.

        Owners of main parts are judged by these alone: that one begins does not tell that it goes
        on.
        """
        owners = [self._space.parts[part].owner for part in parts]
        if not owners:
            return
        judged = {owners[0], *(owner for owner in owners if owner not in self._with_main_part)}
        records = dict(self._records)
        if judged & self._latest and len(self._latest) > 1:
            for key, record in self._records.items():
                if key[0] in self._latest and key[1] in (self._image_size, None):
                    records[key] = replace(record, due=self._frame, times_out=0)
        for key in (key for owner in judged for key in self._keys(owner) if key in records):
            tries = self._with(records[key].tries, failed=False)
            records[key] = replace(records[key], tries=tries, due=self._frame)
        self._records = {key: record for key, record in records.items() if any(record.tries)}
        self._latest = set()

    @staticmethod
    def _with(tries: tuple[bool, ...], failed: bool) -> tuple[bool, ...]:
        return (*tries, failed)[-constants.PATIENCE[1] :]

    def _keys(self, owner: str) -> list[_Key]:
        """Of the records that trying an owner on this frame concerns."""
        own: _Key = (owner, self._image_size)
        return [own] if own in self._records else [own, (owner, None)]

    def open_among(self, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """``(B,)`` which of the branches allowed have no part left out.

        If all have, those whose parts are due first.
        """
        if not self._records:
            return allowed
        due_of = np.array([self._due(owner) for owner in self._space.owners])
        due = np.where(self._space.owned, due_of, 0).max(axis=1)
        is_open = allowed & (due <= self._frame)
        return np.asarray(is_open if is_open.any() else allowed & (due == due[allowed].min()))

    def _due(self, owner: str) -> int:
        """Frame from which on an owner's parts may be chosen."""
        keys = ((owner, size) for size in (self._image_size, None))
        return max(self._records[key].due if key in self._records else 0 for key in keys)

    def report(self, current: int | None) -> list[str]:
        """Tell which parts are left out, a sentence each; may be asked from any thread.

        ``current`` is the position of the branch that runs: its parts are tried although they
        failed.
        """
        used = () if current is None else self._space.owned[current]
        running = {
            owner for owner, is_used in zip(self._space.owners, used, strict=False) if is_used
        }
        here = (self._image_size, None)
        return [
            f"{owner} is left out{_place(size)}: {sum(record.tries)} of its last "
            f"{len(record.tries)} tries failed ({record.reason}); tried again in "
            f"{counted(record.due - self._frame, 'frame')}"
            for (owner, size), record in self._records.items()
            if record.due > self._frame and not (owner in running and size in here)
        ]


def _place(size: tuple[int, int] | None) -> str:
    return "" if size is None else f" on images of {size[0]}x{size[1]} px"
