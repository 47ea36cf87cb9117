"""The learner of each task."""

from approx_perception.branches import BranchSpace, ClassifierSpace
from approx_perception.profiling.learners._base import AccuracyLearner
from approx_perception.profiling.learners.classification import ClassificationLearner
from approx_perception.profiling.learners.detection import DetectionLearner

__all__ = ["learner_of"]

_LEARNERS: dict[str, AccuracyLearner] = {
    BranchSpace.task: DetectionLearner(),
    ClassifierSpace.task: ClassificationLearner(),
}


def learner_of(task: str) -> AccuracyLearner:
    """Look up how the accuracy of a task is learned."""
    return _LEARNERS[task]
