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
    """Predicts AP50; called by the scheduler at each decision.

    Attributes
    ----------
    errors
        ``(S, B)`` mean AP50 of each of S scenes that had no part in a fit, less what was predicted
        of it: they tell how sure a difference of two branches is. Without any every one counts.
    """

    @property
    def errors(self) -> Vector:
        """See the class."""
        ...

    def predict(self, content: Content) -> Vector:
        """``(B,)`` AP50 of every branch on such content, or ranks below `RANKS_BELOW`."""
        ...
