"""Contention as a hidden state: latencies and load readings are evidence of it.

ApproxDet takes the profiled level whose latency is nearest to the last one seen. Here a forward
filter of a hidden Markov model weighs all levels, and mixtures between them: one outlier moves it
little, two frames of new contention move it over, and any part that runs tells of all others.
"""

import numpy as np
import numpy.typing as npt

from approx_perception.latency import constants
from approx_perception.structures import LoadReading

__all__ = ["ContentionFilter"]

Vector = npt.NDArray[np.float64]


class ContentionFilter:
    """Weigh states of contention.

    Parameters
    ----------
    log_slowdown
        ``(P, S)`` logarithm of how much longer each part takes in each state.
    scatter
        ``(P, S)`` standard deviation of a part's log latency around that.
    load
        ``(S, 2)`` CPU and GPU share that a monitor reads in each state; nan where unknown.
    """

    def __init__(self, log_slowdown: Vector, scatter: Vector, load: Vector) -> None:
        self._log_slowdown, self._scatter, self._load = log_slowdown, scatter, load
        count = log_slowdown.shape[1]
        #: ``(S,)`` of the states at the next frame, adding up to 1. Before anything was seen the
        #: machine is likely as it was when measured.
        self.weights: Vector = np.full(count, 0.5 / count)
        self.weights[0] += 0.5
        self._heard: tuple[float | None, ...] = (None, None)

    def hear(self, reading: LoadReading) -> None:
        """Take in a load reading, once: the same again says nothing new."""
        shares = (reading.cpu, reading.gpu)
        for column, (share, before) in enumerate(zip(shares, self._heard, strict=True)):
            if share is not None and share != before:
                distance = (share - self._load[:, column]) / constants.LOAD_SCATTER
                likelihood = np.maximum(np.exp(-0.5 * distance * distance), constants.LOAD_FLOOR)
                # States that nobody read are as likely as before.
                weights = self.weights * np.where(np.isnan(likelihood), 1.0, likelihood)
                self.weights = weights / weights.sum()
        self._heard = shares

    def observe(self, part: int, log_ratio: float) -> None:
        """Take in the logarithm of a part's latency to that of the idle machine."""
        scatter = self._scatter[part]
        misfit = (log_ratio - self._log_slowdown[part]) / scatter
        likelihood = (1 + misfit**2 / constants.FREEDOM) ** (-(constants.FREEDOM + 1) / 2) / scatter
        weights = self.weights * likelihood
        self.weights = (1 - constants.JUMP) * weights / weights.sum() + constants.JUMP / len(
            weights
        )

    def uses_load(self, reading: LoadReading) -> bool:
        """Whether a reading tells anything: its states must have been read when profiled."""
        shares = (reading.cpu, reading.gpu)
        return any(
            share is not None and not np.isnan(column).all()
            for share, column in zip(shares, self._load.T, strict=True)
        )
