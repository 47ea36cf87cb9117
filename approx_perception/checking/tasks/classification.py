"""Classes of the whole image."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.branches import ClassifierSpace
from approx_perception.checking.tasks._base import TaskCheck
from approx_perception.structures import Classification, Frame

__all__ = ["ClassificationCheck"]

_TOP = 5
#: Probabilities that differ by less are alike.
_ALIKE = 1e-3


class ClassificationCheck(TaskCheck):
    """See `TaskCheck`."""

    task = ClassifierSpace.task
    synthetic = "synthetic:object_mixed"

    def output(self, found: Any, frame: Frame) -> Classification:
        """See `TaskCheck`."""
        height, width = frame.image.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        return Classification.of_probabilities(found, whole, _TOP)

    def words(self, output: Classification, class_names: Sequence[str]) -> str:
        """See `TaskCheck`."""
        return f"{class_names[output.class_ids[0, 0]]} {100 * output.scores[0, 0]:.0f} %"

    def warnings(self, outputs: Sequence[Classification], frame: Frame, is_real: bool) -> list[str]:
        """See `TaskCheck`."""
        spread = max(float(np.ptp(output.scores)) for output in outputs)
        return ["all classes are equally likely at every setting"] if spread < _ALIKE else []

    def least_score(self, output: Classification) -> float:
        """See `TaskCheck`."""
        return 0.0
