"""AP50 by the objects in view."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.content_model import FEATURE_NAMES, feature_vector
from approx_perception.branches import Space
from approx_perception.datasets.synthetic import SCENARIOS
from approx_perception.files import Columns
from approx_perception.profiling.fit_accuracy import LEAST_SNIPPETS, AccuracyFit, fit_accuracy
from approx_perception.profiling.learners._base import AccuracyLearner
from approx_perception.structures import Content

__all__ = ["DetectionLearner"]


class DetectionLearner(AccuracyLearner):
    """See `AccuracyLearner`; the model is an `AccuracyModel`."""

    feature_names = FEATURE_NAMES
    snippet_frames = 16
    least_snippets = wanted_snippets = LEAST_SNIPPETS
    default_sources = tuple(
        f"synthetic:{name}:val:{seed}" for name in SCENARIOS for seed in range(7)
    )

    def features_of(self, content: Content) -> npt.NDArray[np.float64]:
        """See `AccuracyLearner`."""
        return feature_vector(content)

    def fit(self, records: Columns, space: Space[Any]) -> AccuracyFit:
        """See `AccuracyLearner`."""
        shapes = np.array([branch.shape for branch in space], np.float64)
        of_one_shape = [str(replace(branch, shape=32)) for branch in space]
        alike = np.unique(of_one_shape, return_inverse=True)[1]
        return fit_accuracy(records, shapes, alike)
