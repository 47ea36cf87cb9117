"""Contention as a hidden state: latencies and load readings are evidence of it.

ApproxDet takes the profiled level whose latency is nearest to the last one seen. Here a forward
filter of a hidden Markov model weighs all levels, and mixtures between them: one outlier moves it
little, two frames of new contention move it over, and any part that runs tells of all others.
"""

import numpy as np
import numpy.typing as npt

from approx_perception.structures import LoadReading

__all__ = ["ContentionFilter"]

Vector = npt.NDArray[np.float64]

#: Chance that contention is altogether different at the next frame.
_JUMP = 0.02
#: Chance that it moved to a neighbouring state.
_DRIFT = 0.1
#: Degrees of freedom of the t distribution of latencies: outliers happen.
_FREEDOM = 4.0
#: Standard deviation of a load reading around that of its state.
_LOAD_SCATTER = 0.2
#: What a reading can at most take from a state's weight: the same load slows one kind of work and
#: not another, so that readings hint at what latencies decide.
_LOAD_FLOOR = 0.5
#: A reading is news if it differs so much from the one under which a latency was seen last.
_NEWS = 0.15


class ContentionFilter:
    """Weigh states of contention.

    A load reading counts as long as it is news: once a latency was seen under it, that tells more
    of the same. So readings bridge the time from a step to the next frame, which is long where
    frames are rare, and do not argue with latencies for good.

    Parameters
    ----------
    log_slowdown
        ``(P, S)`` logarithm of how much longer each part takes in each state; neighbouring
        states are alike.
    scatter
        ``(P, S)`` standard deviation of a part's log latency around that.
    load
        ``(S, 2)`` CPU and GPU share that a monitor reads in each state; nan where unknown.
    """

    def __init__(self, log_slowdown: Vector, scatter: Vector, load: Vector) -> None:
        self._log_slowdown, self._scatter = log_slowdown, scatter
        #: Of CPU and GPU: load in each state, which states nobody read, and whether any was read.
        self._load = [column.copy() for column in load.T]
        self._unread = [np.flatnonzero(np.isnan(column)) for column in self._load]
        self._is_read = [len(unread) < len(load) for unread in self._unread]
        count = log_slowdown.shape[1]
        step = np.eye(count) * (1 - _DRIFT)
        for neighbour in (-1, 1):
            step += np.eye(count, k=neighbour) * _DRIFT / 2
        step /= step.sum(axis=0)
        self._transition = (1 - _JUMP) * step + _JUMP / count
        # Before anything was seen the machine is likely as it was when measured.
        weights = np.full(count, 0.5 / count)
        weights[0] += 0.5
        #: Of each state at the next frame, before anything is known of that.
        self._expected = weights
        self._seen = LoadReading()

    def observe(self, part: int, log_ratio: float, reading: LoadReading) -> None:
        """Take in a latency.

        Parameters
        ----------
        part
            What took it.
        log_ratio
            Logarithm of its ratio to that of the idle machine.
        reading
            Of the load meanwhile.
        """
        self._seen = reading
        scatter = self._scatter[part]
        misfit = (log_ratio - self._log_slowdown[part]) / scatter
        likelihood = (1 + misfit**2 / _FREEDOM) ** (-(_FREEDOM + 1) / 2) / scatter
        weights = self._expected * likelihood
        self._expected = self._transition @ (weights / weights.sum())

    def weights(self, reading: LoadReading) -> Vector:
        """``(S,)`` of all states at the next frame, adding up to 1, news of the load taken in."""
        weights = self._expected
        seen = (self._seen.cpu, self._seen.gpu)
        for column, share in enumerate((reading.cpu, reading.gpu)):
            before = seen[column]
            if share is not None and (before is None or abs(share - before) > _NEWS):
                weights = weights * self._load_likelihood(column, share)
        return np.asarray(weights / weights.sum())

    def uses_load(self, reading: LoadReading) -> bool:
        """Whether a reading tells anything: its states must have been read when profiled."""
        shares = (reading.cpu, reading.gpu)
        return any(
            share is not None and is_read
            for share, is_read in zip(shares, self._is_read, strict=True)
        )

    def _load_likelihood(self, column: int, share: float) -> Vector:
        distance = (share - self._load[column]) / _LOAD_SCATTER
        likelihood = np.maximum(np.exp(-0.5 * distance * distance), _LOAD_FLOOR)
        likelihood[self._unread[column]] = 1.0
        return np.asarray(likelihood)
