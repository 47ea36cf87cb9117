"""Top-1 by the complexity of the image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.by_category import CategoryAccuracy, category_of
from approx_perception.branches import Space
from approx_perception.datasets.synthetic import CLIP_SCENARIOS
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import Columns
from approx_perception.profiling.learners._base import AccuracyLearner
from approx_perception.structures import COMPLEXITY_CATEGORIES, Content

__all__ = ["CategoryFit", "ClassificationLearner"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CategoryFit:
    """See `LearnedFit`.

    Attributes
    ----------
    model
        Fitted on all sources.
    errors
        ``{variant: mean absolute error}`` of the top-1 that each branch has on the frames of one
        category of a source left out, for ``agnostic`` and ``complexity``.
    """

    model: CategoryAccuracy
    errors: dict[str, float]

    def words(self) -> str:
        """See `LearnedFit`."""
        by_category, by_mean = self.errors["complexity"], self.errors["agnostic"]
        told = (
            "top-1 predicted for sources that were left out of the fit is off on average by "
            f"{by_category:.3f} where it goes by the image's complexity, which is what decides, "
            f"and by {by_mean:.3f} where each branch has one top-1 for all images"
        )
        if by_category < by_mean:
            return told
        return f"{told}; more and different sources would make the profile better"


class ClassificationLearner(AccuracyLearner):
    """See `AccuracyLearner`; a frame is judged by itself, by its own complexity."""

    feature_names = ("category",)
    snippet_frames = 1
    #: 20 frames of each category, if all were as frequent.
    least_snippets = 20 * COMPLEXITY_CATEGORIES
    #: Top-1 of 200 frames is known to 0.03.
    wanted_snippets = 200 * COMPLEXITY_CATEGORIES
    default_sources = tuple(
        f"synthetic:{name}:val:{seed}" for name in CLIP_SCENARIOS for seed in range(14)
    )

    def features_of(self, content: Content) -> Vector:
        """See `AccuracyLearner`."""
        return np.array([category_of(content)], np.float64)

    def fit(self, records: Columns, space: Space[Any]) -> CategoryFit:
        """See `AccuracyLearner`."""
        # Complexity is the image's, whichever branch ran.
        categories = records["features"][:, 0, 0]
        known = np.isfinite(records["top1"]).all(axis=1) & (categories >= 0)
        if (count := int(known.sum())) < self.least_snippets:
            raise ConfigurationError(
                f"accuracy was measured on {count} labelled frames; at least "
                f"{self.least_snippets} are needed: give more or longer sources"
            )
        top1, sources = records["top1"][known], records["source"][known]
        categories = categories[known].astype(np.int64)
        if len(np.unique(sources)) < 2:
            # Halves of the one source stand for two.
            sources = (np.arange(count) >= count / 2).astype(np.int64)
        model, left_out = _fit(top1, categories), _left_out(top1, categories, sources)
        errors = {name: _error(top1, own, categories, sources) for name, own in left_out.items()}
        by_source = _means(top1 - left_out["complexity"], sources)
        return CategoryFit(CategoryAccuracy(model.agnostic, model.by_category, by_source), errors)


def _fit(top1: Vector, categories: Integers) -> CategoryAccuracy:
    """From ``(S, B)`` frames of ``(S,)`` categories."""
    counts = np.bincount(categories, minlength=COMPLEXITY_CATEGORIES)
    members = categories == np.arange(COMPLEXITY_CATEGORIES)[:, None]
    means = members.astype(np.float64) @ top1 / np.maximum(counts, 1)[:, None]
    return CategoryAccuracy.of_frames(means, counts)


def _left_out(top1: Vector, categories: Integers, sources: Integers) -> dict[str, Vector]:
    """``(S, B)`` predictions for the frames of each source by those of the others."""
    predicted = {"agnostic": np.zeros_like(top1), "complexity": np.zeros_like(top1)}
    for source in np.unique(sources):
        held = sources == source
        model = _fit(top1[~held], categories[~held])
        predicted["agnostic"][held] = model.agnostic
        predicted["complexity"][held] = model.by_category[categories[held]]
    return predicted


def _error(top1: Vector, predicted: Vector, categories: Integers, sources: Integers) -> float:
    """Mean over frames of what the mean of their source and category is off."""
    _, cells = np.unique(np.stack([sources, categories]), axis=1, return_inverse=True)
    cells = cells.ravel()
    off = np.abs(_means(top1 - predicted, cells)).mean(axis=1)
    return float(off @ np.bincount(cells) / len(cells))


def _means(values: Vector, groups: Integers) -> Vector:
    """``(N, B)`` mean of the rows of each group."""
    return np.array([values[groups == group].mean(axis=0) for group in np.unique(groups)])
