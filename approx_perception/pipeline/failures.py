"""Frames that a system could not process, and what failed beside them: offline, too, it goes on."""

from collections.abc import Callable
from typing import TypeVar

from approx_perception.exceptions import (
    InferenceError,
    InvalidFrameError,
    counted,
    described,
)
from approx_perception.notices import notice
from approx_perception.structures import FrameResult

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
        #: What ran beside the frames, how much of it failed, and why the last of it did.
        self._beside = self._beside_failed = 0
        self._reason = self._beside_reason = ""

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
        if isinstance(result, FrameResult) and result.beside is not None:
            self._beside += 1
            if result.beside.error is not None:
                self._beside_failed += 1
                self._beside_reason = described(result.beside.error)
        return result

    def tell(self) -> None:
        """Say how many frames failed, and how often the network failed beside them.

        Raises
        ------
        InferenceError
            If all of them did.
        """
        if self._beside_failed and self._beside_failed == self._beside:
            raise InferenceError(
                f"{self._name}: the network failed on every frame that it was given beside the "
                f"others, the last time so: {self._beside_reason}"
            )
        if self._beside_failed:
            notice(
                f"{self._name}: the network failed on {self._beside_failed} of {self._beside} "
                f"frames that it was given beside the others, the last time so: "
                f"{self._beside_reason}"
            )
        if self._failed and self._failed == self._frames:
            raise InferenceError(f"{self._name}: every frame failed, the last so: {self._reason}")
        if self._failed:
            notice(
                f"{self._name}: {self._failed} of {counted(self._frames, 'frame')} failed and "
                "are left out, "
                f"the last so: {self._reason}"
            )
