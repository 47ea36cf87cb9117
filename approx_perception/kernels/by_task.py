"""What can be told of a kernel from its space alone, without its network."""

from collections.abc import Callable, Mapping
from typing import Any

from approx_perception.branches import BranchSpace, ClassifierSpace, Space
from approx_perception.kernels._base import CostTerms
from approx_perception.kernels.classification_costs import ClassificationCosts
from approx_perception.kernels.detection_costs import DetectionCosts

__all__ = ["cost_terms_of"]

_COST_TERMS: Mapping[str, Callable[[Any], CostTerms]] = {
    BranchSpace.task: DetectionCosts,
    ClassifierSpace.task: ClassificationCosts,
}


def cost_terms_of(space: Space[Any]) -> CostTerms:
    """What the costs of a space's parts depend on, if images are of the profiled aspect."""
    return _COST_TERMS[space.task](space)
