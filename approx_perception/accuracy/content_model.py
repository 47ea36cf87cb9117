"""What branches are worth on what the camera sees."""

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from approx_perception.structures import Content

__all__ = [
    "FEATURE_NAMES",
    "AccuracyModel",
    "ConstantAccuracy",
    "ContentRegression",
    "feature_vector",
    "loss_by_size",
    "term_pairs",
]

Vector = npt.NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)

#: Of `ContentFeatures`, in the order of every feature vector.
FEATURE_NAMES = ("confident_count", "small_size", "relative_speed")

#: Position of the objects' size among them.
_SIZE = FEATURE_NAMES.index("small_size")
#: From which size in the network's input on, in px, objects are found as well as larger ones, and
#: the log odds of AP50 lost for the square of each factor of e below it: of the network that
#: ships, by objects of all sizes at all of its shapes (docs/scheduler.md).
_SATURATES_PX, _LOSS = 35.0, 1.6
#: How far inside 0..1 an AP50 of 0 or 1 counts, for its odds to be finite.
_EDGE = 0.02
#: Each feature x enters as log(x + offset): what doubles matters, not what is added.
_OFFSETS = np.array([1.0, 0.01, 0.01])


@cache
def term_pairs(count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """``(K,)`` positions of the two factors of each term, of 1 and ``count`` features."""
    first, second = np.triu_indices(1 + count)
    return np.asarray(first, np.int64), np.asarray(second, np.int64)


def loss_by_size(sizes: Vector, shapes: Vector) -> Vector:
    """``(..., B)`` log odds of AP50 that each branch loses to that of the largest shape.

    What any network loses on small objects, before data say more: nothing where they are as large
    in its input as it needs, so that a larger shape is not better for ever.

    Parameters
    ----------
    sizes
        ``(...)`` of objects, as a share of the image's short side.
    shapes
        ``(B,)`` px.
    """
    px = np.asarray(sizes)[..., None] * shapes
    odds = -_LOSS * np.maximum(np.log(_SATURATES_PX / np.maximum(px, 1e-6)), 0.0) ** 2
    return np.asarray(odds - odds.max(axis=-1, keepdims=True))


def feature_vector(content: Content) -> Vector:
    """``(F,)`` of `FEATURE_NAMES`."""
    return np.array([getattr(content, name) for name in FEATURE_NAMES])


@dataclass(frozen=True, slots=True, eq=False)
class ContentRegression:
    """Log odds of AP50: a polynomial of degree 2 in the logarithms of F features, and a prior.

    Odds, so that of two branches that are nearly perfect one stays the better one. Features
    outside the range that was fitted count as its ends. The prior is `loss_by_size`, which counts
    the less the more the data have shown.

    Attributes
    ----------
    low, high
        ``(F,)`` range of the logarithms.
    weights
        ``(B, 1 + F + F (F + 1) / 2)``, in single precision: AP50 is known to two digits, and it
        takes half the time.
    shapes
        ``(B,)`` px; empty where no prior counts.
    prior_share
        0..1, of the prior.
    """

    low: Vector
    high: Vector
    weights: npt.NDArray[np.float32]
    shapes: Vector = field(default_factory=lambda: np.zeros(0))
    prior_share: float = 0.0

    @staticmethod
    def logarithms(features: Vector) -> Vector:
        """``(..., F)`` of features."""
        return np.asarray(np.log(np.maximum(features, 0) + _OFFSETS))

    def terms(self, logarithms: Vector) -> Vector:
        """``(..., K)`` polynomial terms of logarithms: 1, each of them, each pair of them."""
        count = len(self.low)
        clipped = np.minimum(np.maximum(logarithms, self.low), self.high)
        factors = np.ones((*clipped.shape[:-1], 1 + count))
        factors[..., 1:] = 2 * (clipped - self.low) / np.maximum(self.high - self.low, 1e-9) - 1
        first, second = term_pairs(count)
        return np.asarray(factors.take(first, axis=-1) * factors.take(second, axis=-1))

    def predict(self, features: Vector) -> Vector:
        """``(..., B)`` AP50 of ``(..., F)``, worked out in the precision of the weights."""
        terms = self.terms(self.logarithms(features)).astype(self.weights.dtype)
        log_odds = terms @ self.weights.T
        if self.prior_share:
            log_odds = log_odds + self.prior_share * loss_by_size(features[..., _SIZE], self.shapes)
        return self.from_log_odds(log_odds).astype(np.float64)

    @staticmethod
    def log_odds(ap50: Vector) -> Vector:
        """Of AP50 0..1, both ends included: they count as a little inside."""
        return np.asarray(np.log((ap50 + _EDGE) / (1 - ap50 + _EDGE)))

    @staticmethod
    def from_log_odds(values: npt.NDArray[Real]) -> npt.NDArray[Real]:
        """AP50 of `log_odds`; up to 0.02 beyond 0..1, so that all values keep their order."""
        return np.asarray((1 + 2 * _EDGE) / (1 + np.exp(-values)) - _EDGE)


class ConstantAccuracy:
    """The same whatever is in view; see `AccuracyPredictor`.

    Parameters
    ----------
    ap50
        ``(B,)`` or ranks below `RANKS_BELOW`.
    """

    def __init__(self, ap50: Vector) -> None:
        self._ap50 = ap50
        self.errors = np.zeros((0, len(ap50)))

    def predict(self, content: Content) -> Vector:
        """See `AccuracyPredictor`."""
        return self._ap50


@dataclass(frozen=True, slots=True, eq=False)
class AccuracyModel:
    """Content-aware AP50; see `AccuracyPredictor`.

    Attributes
    ----------
    agnostic
        ``(B,)`` mean over all content; what is predicted before any object was seen.
    objects
        By what is known of the objects.
    errors
        ``(S, B)`` see `AccuracyPredictor`.
    """

    agnostic: Vector
    objects: ContentRegression
    errors: Vector = field(default_factory=lambda: np.zeros((0, 0)))

    def predict(self, content: Content) -> Vector:
        """See `AccuracyPredictor`."""
        features = feature_vector(content)
        if all(math.isfinite(value) for value in features.tolist()):
            return self.objects.predict(features)
        return self.agnostic
