"""Accuracy predictors that a profile keeps, by task."""

from typing import TypeAlias

from approx_perception.accuracy.by_category import CategoryAccuracy
from approx_perception.accuracy.content_model import AccuracyModel
from approx_perception.branches import BranchSpace, ClassifierSpace

__all__ = ["LEARNED", "LearnedAccuracy"]

LearnedAccuracy: TypeAlias = AccuracyModel | CategoryAccuracy

#: ``{task: kind}``; each is a dataclass of arrays with ``agnostic``, ``(B,)``.
LEARNED: dict[str, type[LearnedAccuracy]] = {
    BranchSpace.task: AccuracyModel,
    ClassifierSpace.task: CategoryAccuracy,
}
