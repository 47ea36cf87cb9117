"""What a branch will cost and be worth: one value for each branch of a space, in its order."""

from approx_perception.predictors._base import (
    RANKS_BELOW,
    AccuracyPredictor,
    LatencyEstimate,
    LatencyPredictor,
)
from approx_perception.predictors.accuracy import AccuracyTable, accuracy_of_space
from approx_perception.predictors.accuracy_model import (
    FEATURE_NAMES,
    OBJECT_FEATURES,
    AccuracyModel,
    ConstantAccuracy,
    ContentRegression,
    OrderedAccuracy,
    feature_vector,
    term_pairs,
)
from approx_perception.predictors.adaptive_latency import AdaptiveLatency
from approx_perception.predictors.latency_model import BASE_FEATURES, LatencyModel
from approx_perception.predictors.tail import BareMargin, CalibratedTail

__all__ = [
    "RANKS_BELOW",
    "BASE_FEATURES",
    "FEATURE_NAMES",
    "OBJECT_FEATURES",
    "AccuracyModel",
    "AccuracyPredictor",
    "AccuracyTable",
    "AdaptiveLatency",
    "BareMargin",
    "CalibratedTail",
    "ConstantAccuracy",
    "ContentRegression",
    "LatencyEstimate",
    "LatencyModel",
    "LatencyPredictor",
    "OrderedAccuracy",
    "accuracy_of_space",
    "feature_vector",
    "term_pairs",
]
