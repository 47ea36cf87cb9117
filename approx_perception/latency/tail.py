"""Calibrated tails: how far above its typical value a latency is at a quantile."""

from collections import deque

import numpy as np
import numpy.typing as npt

from approx_perception.latency import constants

__all__ = ["CalibratedTail"]

Vector = npt.NDArray[np.float64]

#: How far beyond the largest residual shares are kept, between which they are interpolated.
_FURTHER = np.arange(0.25, 12.0, 0.25)


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
        thinned = np.quantile(prior, (np.arange(constants.WINDOW) + 0.5) / constants.WINDOW)
        self._prior = np.random.default_rng(0).permutation(thinned)
        self._recent: deque[float] = deque(maxlen=constants.WINDOW)
        self._shift = 0.0
        self._keep(self._prior)

    def log_ratio(self, quantile: float) -> float:
        """Return what to add to the logarithm of a typical latency."""
        return float(self.log_ratios(np.array(quantile)))

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
        shift = self._shift + constants.TAIL_GAIN * (is_over - (1 - quantile))
        self._shift = min(max(shift, constants.TAIL_LIMITS[0]), constants.TAIL_LIMITS[1])

    def remember(self, residual: float) -> None:
        """Put a residual into the window."""
        self._recent.append(residual)
        kept = self._prior[: constants.WINDOW - len(self._recent)]
        self._keep(np.concatenate([kept, self._recent]))

    def _keep(self, residuals: Vector) -> None:
        """Sort residuals, and tell which share is expected beyond each and larger ones."""
        self._sorted = np.sort(residuals)
        count = len(residuals)
        self._residuals = np.concatenate(
            [self._sorted, self._sorted[-1] + constants.DECAY * _FURTHER]
        )
        self._beyond = np.concatenate([np.arange(count, 0, -1), np.exp(-_FURTHER)]) / (count + 1)
