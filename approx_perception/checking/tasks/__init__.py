"""How what a network finds is judged, by task."""

from approx_perception.checking.tasks._base import TaskCheck
from approx_perception.checking.tasks.by_task import check_of

__all__ = ["TaskCheck", "check_of"]
