"""Frames that a system could not process: offline, too, the others go on."""

from collections.abc import Callable
from typing import TypeVar

from approx_perception.exceptions import InferenceError, InvalidFrameError, counted
from approx_perception.notices import notice

__all__ = ["FrameFailures"]

Given = TypeVar("Given")
Result = TypeVar("Result")

#: So many failures in a row, more than a scheduler needs to leave out all that fails, end a run.
_MOST_IN_A_ROW = 100


class FrameFailures:
    """Leaves out frames on which the network failed, counts them, and tells of them once.

    Parameters
    ----------
    name
        Of the system, for the note.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._frames = self._failed = self._in_a_row = 0
        self._reason = ""

    def attempt(self, process: Callable[[Given], Result], frame: Given) -> Result | None:
        """Process a frame; None where it failed.

        Raises
        ------
        InferenceError, InvalidFrameError
            The last failure, after 100 in a row.
        """
        self._frames += 1
        try:
            result = process(frame)
        except (InferenceError, InvalidFrameError) as error:
            self._failed += 1
            self._in_a_row += 1
            self._reason = str(error)
            if self._in_a_row >= _MOST_IN_A_ROW:
                raise
            return None
        self._in_a_row = 0
        return result

    def tell(self) -> None:
        """Say how many frames failed.

        Raises
        ------
        InferenceError
            If all of them did.
        """
        if self._failed and self._failed == self._frames:
            raise InferenceError(f"{self._name}: every frame failed, the last so: {self._reason}")
        if self._failed:
            notice(
                f"{self._name}: {self._failed} of {counted(self._frames, 'frame')} failed and "
                "are left out, "
                f"the last so: {self._reason}"
            )
