"""The check of each task."""

from approx_perception.checking.tasks._base import TaskCheck
from approx_perception.checking.tasks.classification import ClassificationCheck
from approx_perception.checking.tasks.detection import DetectionCheck

__all__ = ["check_of"]

_ALL: tuple[TaskCheck, ...] = (DetectionCheck(), ClassificationCheck())
_CHECKS = {each.task: each for each in _ALL}


def check_of(task: str) -> TaskCheck:
    """Look up the check of a task that exists."""
    return _CHECKS[task]
