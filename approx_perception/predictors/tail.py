"""Calibrated tails: how far above its typical value a latency is at a quantile."""

import math
from collections import deque

import numpy as np
import numpy.typing as npt

__all__ = ["BareMargin", "CalibratedTail"]

Vector = npt.NDArray[np.float64]

_WINDOW = 100
#: Samples of the profile that fill the window until frames do.
_PRIOR_SAMPLES = 60
#: Step of the online correction, in log latency for each frame that is over.
_GAIN = 0.05
_LIMITS = (-0.25, 0.7)


class CalibratedTail:
    """Quantile of log residuals: split conformal over a window, corrected online.

    The window gives the conformal quantile, the ``ceil((n + 1) q)``-th smallest of n residuals:
    of exchangeable residuals at least the share q is inside it (Vovk et al., 2005). Where they
    are not exchangeable, adaptive conformal inference (Gibbs and Candès, NeurIPS 2021) shifts
    it up after each residual over it and down otherwise, so that after T frames the share that
    was over differs from 1 - q by at most (0.95 + gain) / (gain T), as long as the shift stays
    off its limits (-0.25 and 0.7).

    Parameters
    ----------
    prior
        Log residuals of the profile, any number; they leave the window as frames come.
    """

    def __init__(self, prior: Vector) -> None:
        thinned = np.quantile(prior, (np.arange(_PRIOR_SAMPLES) + 0.5) / _PRIOR_SAMPLES)
        self._prior = np.random.default_rng(0).permutation(thinned)
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._shift = 0.0
        self._sorted = np.sort(self._prior)

    def log_ratio(self, quantile: float) -> float:
        """Return what to add to the logarithm of a typical latency."""
        count = len(self._sorted)
        rank = min(math.ceil((count + 1) * quantile), count)
        return float(self._sorted[rank - 1]) + self._shift

    def observe(self, residual: float, quantile: float) -> None:
        """Take in the log ratio of a latency to the typical one that was predicted for it."""
        is_over = residual > self.log_ratio(quantile)
        self._shift = float(np.clip(self._shift + _GAIN * (is_over - (1 - quantile)), *_LIMITS))
        self._recent.append(residual)
        kept = self._prior[: max(_PRIOR_SAMPLES - len(self._recent), 0)]
        self._sorted = np.sort(np.concatenate([kept, self._recent]))


class BareMargin:
    """The constant margin of 1.3 of ApproxDet, in place of a calibrated tail."""

    def log_ratio(self, quantile: float) -> float:
        """See `CalibratedTail`."""
        return math.log(1.3)

    def observe(self, residual: float, quantile: float) -> None:
        """Learn nothing."""
