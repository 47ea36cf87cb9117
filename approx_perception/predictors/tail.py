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
_GAIN = 0.1
_LIMITS = (-2.0, 6.0)
#: How far beyond the largest score shares are kept, between which they are interpolated.
_FURTHER = np.arange(0.25, 12.0, 0.25)


class CalibratedTail:
    """Quantile of scores: split conformal over a window, corrected online.

    A score is a log residual divided by the scatter that its part has in the present contention
    (locally weighted conformal prediction: Lei et al., JASA 2018). The window gives the conformal
    quantile, the ``ceil((n + 1) q)``-th smallest of n scores: of exchangeable scores at least the
    share q is inside it (Vovk et al., 2005). Where they are not exchangeable, adaptive conformal
    inference (Gibbs and Candès, NeurIPS 2021) shifts it up after each score over it and down
    otherwise: after T frames the share that was over differs from 1 - q by at most
    (8 + gain) / (gain T), as long as the shift stays off its limits (-2 and 6).

    Parameters
    ----------
    prior
        Scores of the profile, any number; they leave the window as frames come.
    """

    def __init__(self, prior: Vector) -> None:
        thinned = np.quantile(prior, (np.arange(_PRIOR_SAMPLES) + 0.5) / _PRIOR_SAMPLES)
        self._prior = np.random.default_rng(0).permutation(thinned)
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._shift = 0.0
        self._keep(self._prior)

    def log_ratios(self, quantile: float, scatter: Vector) -> Vector:
        """Return what to add to the logarithms of typical latencies of such scatters."""
        return self._score(quantile) * scatter

    def table(self, quantiles: Vector, scatter: Vector) -> Vector:
        """``(N, Q)`` of `log_ratios` for ``(N,)`` scatters and ``(Q,)`` quantiles."""
        count = len(self._sorted)
        ranks = np.minimum(np.ceil((count + 1) * quantiles), count).astype(np.int64)
        return np.asarray(scatter[:, None] * (self._sorted[ranks - 1] + self._shift))

    def share_over(self, log_ratios: Vector, scatter: Vector) -> Vector:
        """Return the share of latencies expected above typical ones by these log ratios.

        Beyond the largest score that was seen the share falls off exponentially. The online
        correction is left out: it follows steps of contention too, which say nothing of the next
        frame, and what lateness may cost is corrected by its price (`LatenessPrice`).
        """
        return np.interp(log_ratios / scatter, self._scores, self._beyond, left=1.0)

    def _score(self, quantile: float) -> float:
        count = len(self._sorted)
        rank = min(math.ceil((count + 1) * quantile), count)
        return float(self._sorted[rank - 1]) + self._shift

    def correct(self, residual: float, scatter: float, quantile: float) -> None:
        """Shift by whether a residual, of the log latency to the typical one, was inside."""
        is_over = residual / scatter > self._score(quantile)
        self._shift = float(np.clip(self._shift + _GAIN * (is_over - (1 - quantile)), *_LIMITS))

    def remember(self, residual: float, scatter: float) -> None:
        """Put a residual into the window."""
        self._recent.append(residual / scatter)
        kept = self._prior[: max(_PRIOR_SAMPLES - len(self._recent), 0)]
        self._keep(np.concatenate([kept, self._recent]))

    def _keep(self, scores: Vector) -> None:
        """Sort scores, and tell which share is expected beyond each of them and of larger ones."""
        self._sorted = np.sort(scores)
        count = len(scores)
        self._scores = np.concatenate([self._sorted, self._sorted[-1] + _FURTHER])
        self._beyond = np.concatenate([np.arange(count, 0, -1), np.exp(-_FURTHER)]) / (count + 1)


class BareMargin:
    """The constant margin of 1.3 of ApproxDet, in place of a calibrated tail."""

    def log_ratios(self, quantile: float, scatter: Vector) -> Vector:
        """See `CalibratedTail`."""
        return np.full(np.shape(scatter), math.log(1.3))

    def table(self, quantiles: Vector, scatter: Vector) -> Vector:
        """See `CalibratedTail`."""
        return np.full((len(scatter), len(quantiles)), math.log(1.3))

    def share_over(self, log_ratios: Vector, scatter: Vector) -> Vector:
        """See `CalibratedTail`; all or nothing."""
        return np.where(log_ratios >= math.log(1.3), 0.0, 1.0)

    def correct(self, residual: float, scatter: float, quantile: float) -> None:
        """Learn nothing."""

    def remember(self, residual: float, scatter: float) -> None:
        """Learn nothing."""
