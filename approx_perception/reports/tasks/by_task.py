"""The report of each task."""

from approx_perception.branches import BranchSpace, ClassifierSpace
from approx_perception.reports.tasks._base import TaskReport
from approx_perception.reports.tasks.classification import ClassificationReport
from approx_perception.reports.tasks.detection import DetectionReport

__all__ = ["report_of"]

_REPORTS: dict[str, TaskReport] = {
    BranchSpace.task: DetectionReport(),
    ClassifierSpace.task: ClassificationReport(),
}


def report_of(task: str) -> TaskReport:
    """Look up how the outputs of a task are written and shown."""
    return _REPORTS[task]
