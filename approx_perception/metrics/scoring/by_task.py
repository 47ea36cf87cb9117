"""The scoring of each task."""

from collections.abc import Mapping, Sequence
from typing import Any

from approx_perception.exceptions import ConfigurationError, DatasetError, choices, shown
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring._base import Scoring
from approx_perception.metrics.scoring.classification import ClassificationScoring
from approx_perception.metrics.scoring.detection import DetectionScoring

__all__ = ["SCORINGS", "recorded_scoring", "scoring_in", "scoring_of"]

_ALL: tuple[Scoring, ...] = (DetectionScoring(), ClassificationScoring())
SCORINGS = {each.task: each for each in _ALL}


def scoring_of(task: str) -> Scoring:
    """Look up the scoring of a task.

    Raises
    ------
    ConfigurationError
        If nothing does this task.
    """
    if task not in SCORINGS:
        raise ConfigurationError(f"there is no task {shown(task)}; choose {choices(SCORINGS)}")
    return SCORINGS[task]


def recorded_scoring(metadata: Mapping[str, Any], origin: str) -> Scoring:
    """Scoring of the task that a record tells; older ones tell none, and are of detection.

    Raises
    ------
    DatasetError
        If nothing does the task, beginning with ``origin``.
    """
    task = metadata.get("task", DetectionScoring.task)
    if task not in SCORINGS:
        raise DatasetError(f"{origin} is of the task {shown(task)}; known are {choices(SCORINGS)}")
    return SCORINGS[task]


def scoring_in(records: Sequence[RunRecord]) -> Scoring:
    """Scoring of records of one task; that of detection where there are none."""
    return records[0].scoring if records else SCORINGS[DetectionScoring.task]
