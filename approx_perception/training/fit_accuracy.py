"""From accuracy records to an `AccuracyModel`: ridge regression, chosen by leaving sources out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import ConfigurationError
from approx_perception.predictors import (
    FEATURE_NAMES,
    OBJECT_FEATURES,
    AccuracyModel,
    ContentRegression,
)
from approx_perception.profiling.records import Columns

__all__ = ["AccuracyFit", "fit_accuracy"]

Vector = npt.NDArray[np.float64]

_PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
#: Features are clipped to what nearly all snippets have.
_RANGE_QUANTILES = (0.01, 0.99)
#: Accuracy that image features must gain to be worth their code path.
_LEAST_GAIN = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class AccuracyFit:
    """A model and what its parts are worth on sources left out.

    Attributes
    ----------
    model
        Fitted on all sources.
    errors
        ``{variant: mean absolute error}`` over branches and snippets of sources left out, for
        ``agnostic``, ``objects`` and ``image``.
    image_gains
        ``{budget in ms: AP50 gained by image features after their cost}``.
    """

    model: AccuracyModel
    errors: dict[str, float]
    image_gains: dict[float, float]


def _regress(features: Vector, ap50: Vector, count: int, penalty: float) -> ContentRegression:
    """Fit on ``(S, D, F)`` features as each of D settings sees them, and ``(S, B)`` AP50."""
    logarithms = ContentRegression.logarithms(features, count).reshape(-1, count)
    low, high = np.quantile(logarithms, _RANGE_QUANTILES, axis=0)
    frame = ContentRegression(low, high, np.zeros((0, 0)))
    terms = frame.terms(logarithms)
    targets = np.repeat(ap50, features.shape[1], axis=0)
    ridge = penalty * len(terms) * np.eye(terms.shape[1])
    # The mean is not drawn to 0.
    ridge[0, 0] = 0.0
    weights = np.linalg.solve(terms.T @ terms + ridge, terms.T @ targets)
    return ContentRegression(low, high, np.asarray(weights.T, np.float64))


def _predict(model: ContentRegression, features: Vector) -> Vector:
    """``(S, B)`` means over the predictions from each setting's features."""
    terms = model.terms(model.logarithms(features, len(model.low)))
    return np.asarray(np.clip(terms @ model.weights.T, 0, 1).mean(axis=1))


def _left_out(features: Vector, ap50: Vector, sources: Vector, count: int) -> tuple[float, Vector]:
    """Best penalty, and its predictions of each source by the others."""
    outcomes = []
    for penalty in _PENALTIES:
        predicted = np.zeros_like(ap50)
        for source in np.unique(sources):
            held = sources == source
            model = _regress(features[~held], ap50[~held], count, penalty)
            predicted[held] = _predict(model, features[held])
        outcomes.append((float(np.abs(predicted - ap50).mean()), penalty, predicted))
    _, penalty, predicted = min(outcomes, key=lambda outcome: outcome[0])
    return penalty, predicted


def _image_gains(
    ap50: Vector, predictions: Sequence[Vector], mean_ms: Vector, cost_ms: float
) -> dict[float, float]:
    """What choosing by image features gains, for budgets over the range of the space."""
    gains = {}
    for budget in np.geomspace(mean_ms.min() * 1.1, mean_ms.max() * 1.1, 12):
        reached = []
        for predicted, spent in zip(predictions, (0.0, cost_ms), strict=True):
            fits = mean_ms <= budget - spent
            if not fits.any():
                fits = mean_ms == mean_ms.min()
            chosen = np.where(fits, predicted, -1).argmax(axis=1)
            reached.append(float(ap50[np.arange(len(ap50)), chosen].mean()))
        gains[round(float(budget), 2)] = reached[1] - reached[0]
    return gains


def _pays_from(gains: dict[float, float]) -> float:
    """Lowest budget from which the gain holds for all larger ones; infinite if there is none."""
    from_ms = float("inf")
    for budget in sorted(gains, reverse=True):
        if gains[budget] < _LEAST_GAIN:
            break
        from_ms = budget
    return from_ms


def fit_accuracy(records: Columns, mean_ms: Vector, image_cost_ms: float) -> AccuracyFit:
    """Fit content-aware accuracy.

    Parameters
    ----------
    records
        Accuracy columns of `ProfileRecords`.
    mean_ms
        ``(B,)`` latency of the branches, for the cost-benefit analysis of image features.
    image_cost_ms
        What computing those takes for a frame.

    Raises
    ------
    ConfigurationError
        If there are fewer than two sources with objects: nothing could be left out.
    """
    known = np.isfinite(records["ap50"]).all(axis=1)
    ap50, features = records["ap50"][known], records["features"][known]
    sources = records["source"][known]
    if len(np.unique(sources)) < 2:
        # Halves of the one source stand for two.
        sources = (np.arange(len(ap50)) >= len(ap50) / 2).astype(float)
    if len(ap50) < 4:
        raise ConfigurationError(
            f"accuracy was measured on {len(ap50)} snippets with objects; at least 4 are needed: "
            "give more or longer sources"
        )
    objects_penalty, by_objects = _left_out(features, ap50, sources, OBJECT_FEATURES)
    image_penalty, by_image = _left_out(features, ap50, sources, len(FEATURE_NAMES))
    agnostic = np.zeros_like(ap50)
    for source in np.unique(sources):
        agnostic[sources == source] = ap50[sources != source].mean(axis=0)
    gains = _image_gains(ap50, (by_objects, by_image), mean_ms, image_cost_ms)
    model = AccuracyModel(
        agnostic=ap50.mean(axis=0),
        objects=_regress(features, ap50, OBJECT_FEATURES, objects_penalty),
        image=_regress(features, ap50, len(FEATURE_NAMES), image_penalty),
        image_pays_from_ms=_pays_from(gains),
    )
    predictions = {"agnostic": agnostic, "objects": by_objects, "image": by_image}
    errors = {name: float(np.abs(p - ap50).mean()) for name, p in predictions.items()}
    return AccuracyFit(model, errors, gains)
