"""What branches of a classifier are worth, by how hard an image is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import AccuracyPredictor
from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.branches import ClassifierBranch, ClassifierSpace
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import read_json_table
from approx_perception.structures import COMPLEXITY_CATEGORIES, Content

__all__ = ["CategoryAccuracy", "category_of", "known_by_category"]

Vector = npt.NDArray[np.float64]

#: What a category shows counts as much as what the branch shows in all, from so many frames on.
_PRIOR_FRAMES = 20.0
#: Without a table, an exit is a rank, and so is doubling the shape.
_RANKS = -1e3


def category_of(content: Content) -> int:
    """Category of an image's complexity, 0 (easy) to 6 (hard); -1 where it is not known."""
    return int(getattr(content, "category", -1))


@dataclass(frozen=True, slots=True, eq=False)
class CategoryAccuracy:
    """Top-1 by complexity (ApproxNet's frontier of each category); see `AccuracyPredictor`.

    Attributes
    ----------
    agnostic
        ``(B,)`` mean over all frames; what is predicted before the complexity is known.
    by_category
        ``(7, B)`` of each category, the easy one first.
    errors
        ``(S, B)`` mean top-1 of each of S sources that had no part in a fit, less what was
        predicted of it.

    Raises
    ------
    ValueError
        If the table has not one row a category and one column a branch.
    """

    agnostic: Vector
    by_category: Vector
    errors: Vector = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        wanted = (COMPLEXITY_CATEGORIES, len(self.agnostic))
        if self.by_category.shape != wanted:
            raise ValueError(f"by_category has shape {self.by_category.shape}, expected {wanted}")

    def predict(self, content: Content) -> Vector:
        """See `AccuracyPredictor`."""
        category = category_of(content)
        return self.by_category[category] if category >= 0 else self.agnostic

    @classmethod
    def of_frames(cls, means: Vector, counts: npt.ArrayLike) -> "CategoryAccuracy":
        """From what frames showed; a category of few frames is drawn to the branch's mean.

        Parameters
        ----------
        means
            ``(7, B)`` top-1 of the frames of each category; whatever where there are none.
        counts
            ``(7,)`` those frames; not all 0.
        """
        weights = np.asarray(counts, np.float64)[:, None]
        total = np.where(weights > 0, means, 0.0) * weights
        agnostic = total.sum(axis=0) / weights.sum()
        return cls(agnostic, (total + _PRIOR_FRAMES * agnostic) / (weights + _PRIOR_FRAMES))


def known_by_category(
    space: ClassifierSpace, table: Path | None
) -> tuple[AccuracyPredictor, Vector]:
    """What branches are worth by the table that ships with weights, and ``(B,)`` in the mean.

    A branch that is not in the table counts as the nearest one that is. Without a table the values
    are ranks below `RANKS_BELOW`: a later exit and a larger shape are better.

    Raises
    ------
    ConfigurationError
        If the file is no such table.
    """
    if table is None:
        ranks = np.array([np.log2(branch.shape) + branch.exit + _RANKS for branch in space])
        return ConstantAccuracy(ranks), ranks
    data = read_json_table(table, "accuracy table")
    try:
        known, means, counts = _read(space, data)
    except (ConfigurationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{table} is no table of top-1 by category: {error!r}") from error
    columns = [_nearest(branch, known) for branch in space]
    accuracy = CategoryAccuracy.of_frames(means[:, columns], counts)
    return accuracy, accuracy.agnostic


def _read(
    space: ClassifierSpace, data: Mapping[str, Any]
) -> tuple[list[ClassifierBranch], Vector, Vector]:
    """Branches, their ``(7, B)`` top-1, and ``(7,)`` frames; null is where there were none."""
    known = [space.parse(text) for text in data["top1"]]
    means = np.array([*data["top1"].values()], np.float64).T
    counts = np.array(data["frames"], np.float64)
    if counts.shape != (COMPLEXITY_CATEGORIES,) or (counts < 0).any() or not counts.any():
        raise ValueError(f"frames are {data['frames']}, expected {COMPLEXITY_CATEGORIES} counts")
    if means.shape != (COMPLEXITY_CATEGORIES, len(known)):
        raise ValueError(f"top1 has not {COMPLEXITY_CATEGORIES} values for each branch")
    own = means[counts > 0]
    if not ((own >= 0) & (own <= 1)).all():
        raise ValueError("a top1 of a category with frames is no number from 0 to 1")
    return known, means, counts


def _nearest(branch: ClassifierBranch, known: Sequence[ClassifierBranch]) -> int:
    """Position of the branch of the nearest exit, and shape in octaves."""
    distances = [
        abs(own.exit - branch.exit) + abs(np.log2(own.shape / branch.shape)) for own in known
    ]
    return int(np.argmin(distances))
