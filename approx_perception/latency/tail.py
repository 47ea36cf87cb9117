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
#: Step of the online correction for each frame that is over, and how far it may lead.
_GAIN = 0.02
_LIMITS = (-0.4, 1.2)
#: Log ratio over which, beyond the largest residual, the share that is over falls to 1 / e; and
#: how far beyond shares are kept, between which they are interpolated.
_DECAY = 0.2
_FURTHER = np.arange(0.25, 12.0, 0.25)
_MARGIN = math.log(1.3)


class CalibratedTail:
    """Quantile of log residuals: split conformal over a window, corrected online.

    The window gives the conformal quantile, the ``ceil((n + 1) q)``-th smallest of n residuals: of
    exchangeable ones at least the share q is inside it (Vovk et al., 2005). Where they are not
    exchangeable, adaptive conformal inference (Gibbs and Candès, NeurIPS 2021) shifts it up after
    each residual over it and down otherwise: after T frames the share that was over differs from
    1 - q by at most (1.6 + gain) / (gain T), as long as the shift stays off its limits (-0.4 and
    1.2).

    Parameters
    ----------
    prior
        Residuals of the profile, any number; they leave the window as frames come.
    """

    def __init__(self, prior: Vector) -> None:
        thinned = np.quantile(prior, (np.arange(_PRIOR_SAMPLES) + 0.5) / _PRIOR_SAMPLES)
        self._prior = np.random.default_rng(0).permutation(thinned)
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._shift = 0.0
        self._keep(self._prior)

    def log_ratio(self, quantile: float) -> float:
        """Return what to add to the logarithm of a typical latency."""
        count = len(self._sorted)
        rank = min(math.ceil((count + 1) * quantile), count)
        return float(self._sorted[rank - 1]) + self._shift

    def log_ratios(self, quantiles: Vector) -> Vector:
        """``(Q,)`` of `log_ratio`."""
        count = len(self._sorted)
        ranks = np.minimum(np.ceil((count + 1) * quantiles), count).astype(np.int64)
        return np.asarray(self._sorted[ranks - 1] + self._shift)

    def share_over(self, log_ratios: Vector) -> Vector:
        """Return the share of latencies expected above typical ones by these log ratios.

        Beyond the largest residual that was seen the share falls off exponentially. The online
        correction is left out: it follows steps of contention too, which say nothing of the next
        frame, and what lateness may cost is corrected by its price (`LatenessPrice`).
        """
        return np.interp(log_ratios, self._residuals, self._beyond, left=1.0)

    def correct(self, residual: float, quantile: float) -> None:
        """Shift by whether a residual, of the log latency to the typical one, was inside."""
        is_over = residual > self.log_ratio(quantile)
        shift = self._shift + _GAIN * (is_over - (1 - quantile))
        self._shift = min(max(shift, _LIMITS[0]), _LIMITS[1])

    def remember(self, residual: float) -> None:
        """Put a residual into the window."""
        self._recent.append(residual)
        kept = self._prior[: max(_PRIOR_SAMPLES - len(self._recent), 0)]
        self._keep(np.concatenate([kept, self._recent]))

    def _keep(self, residuals: Vector) -> None:
        """Sort residuals, and tell which share is expected beyond each and larger ones."""
        self._sorted = np.sort(residuals)
        count = len(residuals)
        self._residuals = np.concatenate([self._sorted, self._sorted[-1] + _DECAY * _FURTHER])
        self._beyond = np.concatenate([np.arange(count, 0, -1), np.exp(-_FURTHER)]) / (count + 1)


class BareMargin:
    """The constant margin of 1.3 of ApproxDet, in place of a calibrated tail."""

    def log_ratio(self, quantile: float) -> float:
        """See `CalibratedTail`."""
        return _MARGIN

    def log_ratios(self, quantiles: Vector) -> Vector:
        """See `CalibratedTail`."""
        return np.full(len(quantiles), _MARGIN)

    def share_over(self, log_ratios: Vector) -> Vector:
        """See `CalibratedTail`; all or nothing."""
        return np.where(log_ratios >= _MARGIN, 0.0, 1.0)

    def correct(self, residual: float, quantile: float) -> None:
        """Learn nothing."""

    def remember(self, residual: float) -> None:
        """Learn nothing."""
