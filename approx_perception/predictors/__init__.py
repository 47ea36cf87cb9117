"""What a branch will cost and be worth: one value for each branch of a space, in its order.

Here: latency measured at start and corrected while running, accuracy from a table made on
validation video. Content-aware accuracy, switching cost and calibrated tails belong here too.
"""

from approx_perception.predictors._base import LatencyEstimate, LatencyPredictor
from approx_perception.predictors.accuracy import AccuracyTable, accuracy_of_space
from approx_perception.predictors.measured_latency import (
    LatencyMeasurements,
    MeasuredLatency,
    TrackerMeasurements,
)

__all__ = [
    "AccuracyTable",
    "LatencyEstimate",
    "LatencyMeasurements",
    "LatencyPredictor",
    "MeasuredLatency",
    "TrackerMeasurements",
    "accuracy_of_space",
]
