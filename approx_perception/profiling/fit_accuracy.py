"""From accuracy records to an `AccuracyModel`: ridge in two levels, judged on sources left out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.content_model import (
    FEATURE_NAMES,
    AccuracyModel,
    ContentRegression,
    term_pairs,
)
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import Columns

__all__ = ["LEAST_SNIPPETS", "AccuracyFit", "fit_accuracy"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: With objects; from fewer, nothing can be learned.
LEAST_SNIPPETS = 4
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


@dataclass(frozen=True, slots=True, eq=False)
class AccuracyFit:
    """A model and what its parts are worth on sources left out.

    Attributes
    ----------
    model
        Fitted on all sources.
    errors
        ``{variant: mean absolute error}`` over branches and snippets of sources left out, for
        ``agnostic`` and ``objects``.
    """

    model: AccuracyModel
    errors: dict[str, float]

    def words(self) -> str:
        """How far off predictions are, for users, and what to do where content makes them worse."""
        by_content, by_mean = self.errors["objects"], self.errors["agnostic"]
        told = (
            "AP50 predicted for scenes that were left out of the fit is off on average by "
            f"{by_content:.3f} where it goes by the objects in view, which is what decides, and "
            f"by {by_mean:.3f} where each branch has one AP50 for all scenes"
        )
        if by_content < by_mean:
            return told
        return f"{told}; more and different sources would make the profile better"


def _regress(features: Vector, ap50: Vector, shapes: Vector) -> ContentRegression:
    """Fit on ``(S, D, F)`` features as each of D settings sees them, and ``(S, B)`` AP50.

    ``(B,)`` shapes are the branches'.
    """
    count = len(FEATURE_NAMES)
    # Records of before have more features.
    logarithms = ContentRegression.logarithms(features[..., :count]).reshape(-1, count)
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
    logarithms = model.logarithms(features[..., : len(model.low)])
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(logarithms).all(axis=-1))
    values = model.from_log_odds(
        model.terms(np.where(known[..., None], logarithms, model.low)) @ model.weights.T
    )
    # A snippet in which no setting found anything is predicted like one at the lower ends.
    known[~known.any(axis=1)] = True
    return np.asarray((values * known[..., None]).sum(axis=1) / known.sum(axis=1)[:, None])


def _left_out(features: Vector, ap50: Vector, sources: Vector, shapes: Vector) -> Vector:
    """``(S, B)`` predictions for the snippets of each source by those of the others."""
    predicted = np.zeros_like(ap50)
    for source in np.unique(sources):
        held = sources == source
        model = _regress(features[~held], ap50[~held], shapes)
        predicted[held] = _predict(model, features[held])
    return predicted


def fit_accuracy(records: Columns, shapes: Vector) -> AccuracyFit:
    """Fit content-aware accuracy.

    Parameters
    ----------
    records
        Accuracy columns of `ProfileRecords`.
    shapes
        ``(B,)`` input sides of the branches, in px.

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
    by_objects = _left_out(features, ap50, sources, shapes)
    agnostic = np.zeros_like(ap50)
    for source in np.unique(sources):
        agnostic[sources == source] = ap50[sources != source].mean(axis=0)
    model = AccuracyModel(ap50.mean(axis=0), _regress(features, ap50, shapes))
    predictions = {"agnostic": agnostic, "objects": by_objects}
    errors = {name: float(np.abs(own - ap50).mean()) for name, own in predictions.items()}
    return AccuracyFit(model, errors)
