"""What the scheduler asks of an accuracy predictor."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.structures import Content

__all__ = ["RANKS_BELOW", "AccuracyPredictor"]

Vector = npt.NDArray[np.float64]

#: An accuracy below this is a rank, which has no scale.
RANKS_BELOW = -1.0


class AccuracyPredictor(Protocol):
    """Predicts AP50; called by the scheduler at each decision."""

    def predict(self, content: Content) -> Vector:
        """``(B,)`` AP50 of every branch on such content, or ranks below `RANKS_BELOW`."""
        ...
