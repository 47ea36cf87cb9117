"""What the scheduler asks of a latency predictor."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.structures import FrameResult, Observation

__all__ = ["LatencyEstimate", "LatencyPredictor"]


@dataclass(frozen=True, slots=True, eq=False)
class LatencyEstimate:
    """Latency of every branch of a space, in its order.

    Attributes
    ----------
    mean_ms
        ``(B,)`` of a frame, over a group.
    quantile_ms
        ``(B,)`` at the SLA's quantile, in the SLA's scope.
    """

    mean_ms: npt.NDArray[np.float64]
    quantile_ms: npt.NDArray[np.float64]


class LatencyPredictor(Protocol):
    """Predicts before and learns after each frame; called by the scheduler only."""

    def predict(self, observation: Observation) -> LatencyEstimate:
        """Estimate all branches for what is observed now."""
        ...

    def observe(self, result: FrameResult) -> None:
        """Take in what a frame really took."""
        ...
