"""What the scheduler asks of a latency predictor, and a predictor of a kernel."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.structures import (
    ContentionState,
    FrameResult,
    GroupEnded,
    Observation,
)

__all__ = ["LatencyEstimate", "LatencyPredictor"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LatencyEstimate:
    """Latency of every branch of a space, in its order.

    Attributes
    ----------
    mean_ms
        ``(B,)`` of a frame, over a group.
    quantile_ms
        ``(B,)`` at the SLA's quantile, in the SLA's scope, likewise.
    late_share
        ``(B,)`` share of frames, or of groups in scope ``gof``, expected over the SLA.
    contention
        That all this is expected under.
    beside_ms
        ``(B,)`` what the part takes that runs beside a branch's frames; 0 for none.
    """

    mean_ms: Vector
    quantile_ms: Vector
    late_share: Vector
    contention: ContentionState = field(default_factory=ContentionState)
    beside_ms: Vector = field(default_factory=lambda: np.zeros(1))


class LatencyPredictor(Protocol):
    """Predicts before and learns after each frame; called by the scheduler only."""

    def predict(self, observation: Observation) -> LatencyEstimate:
        """Estimate all branches for what is observed now."""
        ...

    def observe(self, result: FrameResult) -> None:
        """Take in what a frame really took."""
        ...

    def group_ended(self, group: GroupEnded) -> None:
        """Take in what a group really took."""
        ...
