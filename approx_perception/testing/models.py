"""Small fitted models whose predictions can be worked out by hand."""

import numpy as np

from approx_perception.accuracy.content_model import (
    FEATURE_NAMES,
    AccuracyModel,
    ContentRegression,
)
from approx_perception.branches import BranchSpace
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.testing.fakes import small_space

__all__ = ["small_accuracy_model", "small_latency", "small_latency_model"]


def small_latency(space: BranchSpace | None = None) -> AdaptiveLatency:
    """Predictions that begin with `small_latency_model`."""
    space = space or small_space()
    return AdaptiveLatency(space, small_latency_model(space), DetectionCosts(space))


def small_latency_model(space: BranchSpace | None = None) -> LatencyModel:
    """For `small_space`: detections of 10 and 30 ms, tracker 1 ms + 0.5 ms and 1 ms an object.

    Three states: idle, twice and four times as slow; a load monitor reads 0, 0.5 and 1.
    """
    space = space or small_space()
    if (len(space.detector_settings), len(space.trackers)) != (2, 1):
        raise ValueError(f"space {space.name!r} has not two settings and one tracker")
    scores = np.linspace(-1, 1, 65)
    return LatencyModel(
        base=np.array([[10.0, 0, 0, 0], [30.0, 0, 0, 0], [1.0, 0, 0.5, 0], [1.0, 0, 1.0, 0]]),
        log_slowdown=np.tile(np.log([1.0, 2.0, 4.0]), (4, 1)),
        load=np.array([[0.0, np.nan], [0.5, np.nan], [1.0, np.nan]]),
        scatter=np.full((4, 3), 0.1),
        residuals=np.stack([0.1 * scores] * 2),
        profiled_size=np.array([640.0, 480.0]),
        is_profiled=True,
    )


def small_accuracy_model(branch_count: int = 4) -> AccuracyModel:
    """Rising with the branch's position; speed costs branches 1 and 3, which track."""
    agnostic = np.array([0.5, 0.4, 0.8, 0.7])[:branch_count]

    def regression(count: int) -> ContentRegression:
        terms = 1 + count + count * (count + 1) // 2
        weights = np.zeros((branch_count, terms), np.float32)
        weights[:, 0] = ContentRegression.log_odds(agnostic)
        # The third feature is the relative speed, scaled to -1..1; none costs nothing.
        weights[1::2, 0] -= 1.5
        weights[1::2, 3] = -1.5
        low = np.log(np.array([1.0, 0.01, 0.01, 0.005, 0.005]))[:count]
        return ContentRegression(low, low + 5.0, weights)

    return AccuracyModel(agnostic, regression(len(FEATURE_NAMES)))
