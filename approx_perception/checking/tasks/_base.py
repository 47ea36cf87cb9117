"""What a check must know of a task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from approx_perception.structures import Frame

__all__ = ["TaskCheck"]


class TaskCheck(ABC):
    """Judges what a network found in one image; without state.

    Attributes
    ----------
    task
        Its name.
    synthetic
        Source of the image where the user names none.
    """

    task: str
    synthetic: str

    @abstractmethod
    def output(self, found: Any, frame: Frame) -> Any:
        """What is drawn, of what `Kernel.run_together` gave."""

    @abstractmethod
    def words(self, output: Any, class_names: Sequence[str]) -> str:
        """What was found, on one line."""

    @abstractmethod
    def warnings(self, outputs: Sequence[Any], frame: Frame, is_real: bool) -> list[str]:
        """Say what of the outputs of all settings cannot be right.

        Parameters
        ----------
        outputs
            Of each setting.
        frame
            What was looked at.
        is_real
            Whether the user named the image; in others there may be nothing to find.
        """

    @abstractmethod
    def least_score(self, output: Any) -> float:
        """Score from which on objects are drawn."""
