"""From accuracy records to an `AccuracyModel`, chosen by how it does on sources left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.content_model import (
    FEATURE_NAMES,
    AccuracyModel,
    ContentRegression,
    loss_by_size,
    term_pairs,
)
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import Columns

__all__ = ["LEAST_SNIPPETS", "VARIANTS", "AccuracyFit", "fit_accuracy"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: With objects; from fewer, nothing can be learned.
LEAST_SNIPPETS = 4
#: Ways to predict AP50, the simplest first, in words.
VARIANTS = {
    "prior": "what any network loses on small objects",
    "mean": "one AP50 of each branch for all content",
    "objects": "the objects in view",
}
#: Where the level of the prior is looked for, in log odds, and how finely.
_MOST_SHIFT, _HALVINGS = 4.0, 30
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
    """A model, and how it was chosen.

    Attributes
    ----------
    model
        Fitted on all sources.
    errors
        ``{variant: mean absolute error}`` of how branches differ from their mean, over snippets
        and sources left out; the simplest variant first: see `VARIANTS`.
    chosen
        The simplest one within one standard error of the best.
    """

    model: AccuracyModel
    errors: dict[str, float]
    chosen: str

    def words(self) -> str:
        """See `LearnedFit`: what was chosen and why."""
        told = ", ".join(f"{self.errors[name]:.3f} by {VARIANTS[name]}" for name in VARIANTS)
        return (
            f"how AP50 differs between branches, on sources left out of the fit, is predicted with "
            f"a mean error of {told}; decisions go by {VARIANTS[self.chosen]}, the simplest within "
            "one standard error of the best"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Snippets:
    """Rows of ``(S, B)`` AP50, ``(S, D, F)`` features and ``(S,)`` sources; and of the branches
    ``(B,)`` shapes in px and a number that those have in common that differ in shape alone.
    """

    ap50: Vector
    features: Vector
    sources: Vector
    shapes: Vector
    alike: Integers

    def of(self, rows: npt.NDArray[np.bool_]) -> "_Snippets":
        return replace(
            self, ap50=self.ap50[rows], features=self.features[rows], sources=self.sources[rows]
        )

    def mean_of_sources(self, values: Vector) -> Vector:
        """Mean over the sources of their means of ``(S, ...)``: long ones count no more."""
        own = [values[self.sources == source].mean(axis=0) for source in np.unique(self.sources)]
        return np.asarray(np.mean(own, axis=0))


def _logarithms(features: Vector) -> Vector:
    """``(S, D, F)``; records of before have more features."""
    return ContentRegression.logarithms(features[..., : len(FEATURE_NAMES)])


def _constant(data: _Snippets, log_odds: Vector, prior_share: float) -> ContentRegression:
    """The same log odds of each branch whatever is in view, beside the prior."""
    logarithms = _logarithms(data.features).reshape(-1, len(FEATURE_NAMES))
    known = logarithms[np.isfinite(logarithms).all(axis=1)]
    low, high = np.quantile(known, _RANGE_QUANTILES, axis=0)
    weights = np.zeros((len(log_odds), len(term_pairs(len(FEATURE_NAMES))[0])), np.float32)
    weights[:, 0] = log_odds
    return ContentRegression(low, high, weights, data.shapes, prior_share)


def _by_prior(data: _Snippets) -> ContentRegression:
    """What any network loses on small objects, and what each branch differs from that by.

    How branches of several shapes differ from the prior is drawn to nothing as if one more source
    had shown that. What tracking costs has no prior.
    """
    sizes = np.nan_to_num(data.features[..., _SIZE], nan=1.0)
    loss = loss_by_size(sizes, data.shapes).mean(axis=1)
    rest = data.mean_of_sources(ContentRegression.log_odds(data.ap50) - loss)
    shared = (np.bincount(data.alike, rest) / np.bincount(data.alike))[data.alike]
    log_odds = shared + _weight_of(data) * (rest - shared)
    mean = data.mean_of_sources(data.ap50).mean()
    low, high = -_MOST_SHIFT, _MOST_SHIFT
    # The mean of odds is not the odds of the mean: what is expected on average is what came.
    for _ in range(_HALVINGS):
        shift = (low + high) / 2
        expected = data.mean_of_sources(ContentRegression.from_log_odds(log_odds + loss + shift))
        low, high = (shift, high) if expected.mean() < mean else (low, shift)
    return _constant(data, log_odds + shift, 1.0)


def _by_mean(data: _Snippets) -> ContentRegression:
    """The mean over all content."""
    return _constant(data, ContentRegression.log_odds(data.mean_of_sources(data.ap50)), 0.0)


def _by_objects(data: _Snippets) -> ContentRegression:
    """By the objects in view."""
    return _regress(data.features, data.ap50, data.shapes)


def _weight_of(data: _Snippets) -> float:
    """What n sources count beside a prior that counts as one: n / (n + 1)."""
    count = len(np.unique(data.sources))
    return count / (count + 1)


def _fit(variant: str, data: _Snippets) -> ContentRegression:
    """A variant, drawn to the prior."""
    prior = _by_prior(data)
    if variant == "prior":
        return prior
    own, weight = {"mean": _by_mean, "objects": _by_objects}[variant](data), _weight_of(data)
    weights = weight * own.weights + (1 - weight) * prior.weights
    return replace(prior, weights=np.asarray(weights, np.float32), prior_share=1 - weight)


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
    own = features[..., : len(FEATURE_NAMES)]
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(own).all(axis=-1))
    # A snippet in which no setting found anything is predicted like one of few large objects.
    values = model.predict(np.where(known[..., None], own, [0.0, 1.0, 0.0]))
    known[~known.any(axis=1)] = True
    return np.asarray((values * known[..., None]).sum(axis=1) / known.sum(axis=1)[:, None])


def _left_out(variant: str, data: _Snippets) -> Vector:
    """``(S, B)`` predictions for the snippets of each source by those of the others."""
    predicted = np.zeros_like(data.ap50)
    for source in np.unique(data.sources):
        held = data.sources == source
        predicted[held] = _predict(_fit(variant, data.of(~held)), data.features[held])
    return predicted


def _means(values: Vector, sources: Vector) -> Vector:
    """``(N, ...)`` mean of each source's rows."""
    return np.array([values[sources == source].mean(axis=0) for source in np.unique(sources)])


def _simplest(errors: Mapping[str, Vector]) -> str:
    """Of ``{variant: (N,) errors of sources}``, within one standard error of the best."""
    best = min(errors.values(), key=lambda own: float(own.mean()))
    for name, own in errors.items():
        worse = own - best
        if worse.mean() <= worse.std(ddof=1) / np.sqrt(len(worse)):
            return name
    raise AssertionError("the best one is within its own error")


def fit_accuracy(records: Columns, shapes: Vector, alike: Integers) -> AccuracyFit:
    """Fit accuracy by content as far as content has shown that it tells anything.

    Parameters
    ----------
    records
        Accuracy columns of `ProfileRecords`.
    shapes
        ``(B,)`` input sides of the branches, in px.
    alike
        ``(B,)`` numbers, from 0, that branches have in common if they differ in shape alone.

    Raises
    ------
    ConfigurationError
        If there are fewer than `LEAST_SNIPPETS` snippets with objects.
    """
    known = np.isfinite(records["ap50"]).all(axis=1)
    ap50, features, sources = (records[name][known] for name in ("ap50", "features", "source"))
    count = len(ap50)
    if count < LEAST_SNIPPETS:
        raise ConfigurationError(
            f"accuracy was measured on {count} snippets with objects; at least "
            f"{LEAST_SNIPPETS} are needed: give more or longer sources"
        )
    data = _Snippets(ap50, features, sources, shapes, alike)
    # Halves of a single source stand for two.
    halves = (np.arange(count) >= count / 2).astype(float)
    judged = data if len(np.unique(sources)) > 1 else replace(data, sources=halves)
    left_out = {variant: ap50 - _left_out(variant, judged) for variant in VARIANTS}
    # Of what all branches share no choice depends.
    differences = {name: own - own.mean(axis=1)[:, None] for name, own in left_out.items()}
    of_sources = {
        name: _means(np.abs(own).mean(axis=1), judged.sources) for name, own in differences.items()
    }
    chosen = _simplest(of_sources)
    model = AccuracyModel(
        data.mean_of_sources(ap50), _fit(chosen, data), _means(left_out[chosen], judged.sources)
    )
    errors = {name: float(own.mean()) for name, own in of_sources.items()}
    return AccuracyFit(model, errors, chosen)
