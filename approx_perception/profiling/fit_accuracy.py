"""From accuracy records to an `AccuracyModel`: ridge in two levels, judged on sources left out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.content_model import (
    FEATURE_NAMES,
    OBJECT_FEATURES,
    AccuracyModel,
    ContentRegression,
    term_pairs,
)
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import Columns
from approx_perception.profiling.data import LEAST_SNIPPETS

__all__ = ["AccuracyFit", "fit_accuracy"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: What content is worth is drawn to nothing as if one snippet had shown that (a Gaussian prior,
#: of which ridge is the mode), and what it is worth for a branch to what it is for all: six
#: snippets can tell little of it, and fifty nearly all.
_PRIOR_SNIPPETS = 1.0
#: Share of that prior for what is to be as the snippets say.
_FREE = 1e-3
#: Position of the objects' size among the features.
_SIZE = FEATURE_NAMES.index("small_size")
#: Features are clipped to what nearly all snippets have.
_RANGE_QUANTILES = (0.01, 0.99)
#: Accuracy that image features must gain to be worth their code path.
_LEAST_GAIN = 0.002
#: Number of budgets over which choices are judged.
_BUDGETS = 12


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


def _regress(features: Vector, ap50: Vector, shapes: Vector, count: int) -> ContentRegression:
    """Fit on ``(S, D, F)`` features as each of D settings sees them, and ``(S, B)`` AP50.

    ``(B,)`` shapes are the branches'.
    """
    logarithms = ContentRegression.logarithms(features, count).reshape(-1, count)
    targets = np.repeat(ContentRegression.log_odds(ap50), features.shape[1], axis=0)
    # A setting that found nothing in a snippet knows nothing of its content.
    known = np.asarray(np.isfinite(logarithms).all(axis=1))
    logarithms, targets = logarithms[known], targets[known]
    low, high = np.quantile(logarithms, _RANGE_QUANTILES, axis=0)
    frame = ContentRegression(low, high, np.zeros((0, 0), np.float32))
    terms = frame.terms(logarithms)
    # Each snippet is there once for each setting that knows it.
    prior_rows = _PRIOR_SNIPPETS * len(terms) / len(ap50)
    shared = _shared_weights(shapes, float((high - low)[_SIZE]), count)
    weights = _two_levels(terms, targets, shared, prior_rows)
    return ContentRegression(low, high, np.asarray(weights, np.float32))


def _two_levels(terms: Vector, targets: Vector, shared: Vector, prior_rows: float) -> Vector:
    """``(B, K)`` weights of each branch: of what it shares with the others, and its own.

    Least squares of ``(N, B)`` targets by ``(N, K)`` terms, both kinds drawn to nothing as if so
    many rows had shown that; ``(B, J, K)`` shared weights for each of J unknowns.
    """
    products, answers = terms.T @ terms, terms.T @ targets
    identity = np.eye(len(products))
    to_own = np.linalg.inv(products + prior_rows * identity)
    # What a branch's own weights leave of its targets, whatever the shared ones are.
    left = identity - products @ to_own
    ridge = np.full(shared.shape[1], prior_rows * len(shared))
    # Neither the mean nor the curve is drawn to 0.
    ridge[[0, -2, -1]] *= _FREE
    unknowns = np.linalg.solve(
        np.tensordot(shared @ (left @ products), shared, ([0, 2], [0, 2])) + np.diag(ridge),
        np.tensordot(shared, left @ answers, ([0, 2], [1, 0])),
    )
    common = np.tensordot(unknowns, shared, (0, 1))
    own = to_own @ (answers - products @ common.T)
    return np.asarray(common + own.T)


def _shared_weights(shapes: Vector, size_range: float, feature_count: int) -> Vector:
    """``(B, K + 2, K)`` weights on K terms of each branch, for a unit of what branches share.

    They share K weights on the terms, and a parabola in the logarithm of objects' size in the
    network's input, u = r x + l with the term of size x, -1..1, half its range r and the logarithm
    of the shape l: u, and u^2 = r^2 x^2 + 2 r x l + l^2.
    """
    # u of each branch by the factors of terms: 1 and the features.
    by_factor = np.zeros((len(shapes), 1 + feature_count))
    by_factor[:, 0] = np.log(shapes) - np.log(shapes).mean()
    by_factor[:, 1 + _SIZE] = size_range / 2
    first, second = term_pairs(feature_count)
    weights = np.zeros((len(shapes), len(first) + 2, len(first)))
    weights[:, :-2] = np.eye(len(first))
    weights[:, -2, : 1 + feature_count] = by_factor
    # A product of two different factors is one term, and stands twice in the square.
    weights[:, -1] = by_factor[:, first] * by_factor[:, second] * np.where(first == second, 1, 2)
    return weights


def _predict(model: ContentRegression, features: Vector) -> Vector:
    """``(S, B)`` means over the predictions from each setting's features."""
    logarithms = model.logarithms(features, len(model.low))
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(logarithms).all(axis=-1))
    values = model.from_log_odds(
        model.terms(np.where(known[..., None], logarithms, model.low)) @ model.weights.T
    )
    # A snippet in which no setting found anything is predicted like one at the lower ends.
    known[~known.any(axis=1)] = True
    return np.asarray((values * known[..., None]).sum(axis=1) / known.sum(axis=1)[:, None])


def _left_out(
    features: Vector, ap50: Vector, sources: Vector, shapes: Vector, count: int
) -> Vector:
    """``(S, B)`` predictions for the snippets of each source by those of the others."""
    predicted = np.zeros_like(ap50)
    for source in np.unique(sources):
        held = sources == source
        model = _regress(features[~held], ap50[~held], shapes, count)
        predicted[held] = _predict(model, features[held])
    return predicted


def _budgets(mean_ms: Vector) -> Vector:
    """Budgets over the range of a space, in ms."""
    return np.geomspace(mean_ms.min() * 1.1, mean_ms.max() * 1.1, _BUDGETS)


def _reached(ap50: Vector, predicted: Vector, mean_ms: Vector, budget_ms: float) -> float:
    """Mean AP50 over the snippets, if each had the branch that was predicted the best of those
    inside the budget; 0 if none is.
    """
    fits = mean_ms <= budget_ms
    if not fits.any():
        return 0.0
    chosen = np.where(fits, predicted, -1).argmax(axis=1)
    return float(ap50[np.arange(len(ap50)), chosen].mean())


def _image_gains(
    ap50: Vector, by_objects: Vector, by_image: Vector, mean_ms: Vector, cost_ms: float
) -> dict[float, float]:
    """What choosing by image features gains after their cost, by budget."""
    return {
        round(float(budget), 2): _reached(ap50, by_image, mean_ms, budget - cost_ms)
        - _reached(ap50, by_objects, mean_ms, budget)
        for budget in _budgets(mean_ms)
    }


def _pays_from(gains: dict[float, float]) -> float:
    """Lowest budget from which the gain holds for all larger ones; infinite if there is none."""
    from_ms = float("inf")
    for budget in sorted(gains, reverse=True):
        if gains[budget] < _LEAST_GAIN:
            break
        from_ms = budget
    return from_ms


def fit_accuracy(
    records: Columns, shapes: Vector, mean_ms: Vector, image_cost_ms: float
) -> AccuracyFit:
    """Fit content-aware accuracy.

    Parameters
    ----------
    records
        Accuracy columns of `ProfileRecords`.
    shapes
        ``(B,)`` input sides of the branches, in px.
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
    ap50, features, sources = (records[name][known] for name in ("ap50", "features", "source"))
    count = len(ap50)
    if count < LEAST_SNIPPETS:
        raise ConfigurationError(
            f"accuracy was measured on {count} snippets with objects; at least "
            f"{LEAST_SNIPPETS} are needed: give more or longer sources"
        )
    if len(np.unique(sources)) < 2:
        # Halves of the one source stand for two.
        sources = (np.arange(count) >= count / 2).astype(float)
    by_objects = _left_out(features, ap50, sources, shapes, OBJECT_FEATURES)
    by_image = _left_out(features, ap50, sources, shapes, len(FEATURE_NAMES))
    agnostic = np.zeros_like(ap50)
    for source in np.unique(sources):
        agnostic[sources == source] = ap50[sources != source].mean(axis=0)
    gains = _image_gains(ap50, by_objects, by_image, mean_ms, image_cost_ms)
    model = AccuracyModel(
        agnostic=ap50.mean(axis=0),
        objects=_regress(features, ap50, shapes, OBJECT_FEATURES),
        image=_regress(features, ap50, shapes, len(FEATURE_NAMES)),
        image_pays_from_ms=_pays_from(gains),
    )
    predictions = {"agnostic": agnostic, "objects": by_objects, "image": by_image}
    errors = {name: float(np.abs(own - ap50).mean()) for name, own in predictions.items()}
    return AccuracyFit(model, errors, gains)
