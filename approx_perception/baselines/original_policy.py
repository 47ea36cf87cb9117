"""ApproxDet's own policy, as the baseline to beat (SenSys 2020, section 3, and its code)."""

import numpy as np
import numpy.typing as npt

from approx_perception.baselines.original_latency import OriginalLatency
from approx_perception.scheduling.policies import Candidates, SchedulingPolicy, Selection
from approx_perception.structures import FrameResult

__all__ = ["OriginalPolicy", "rising_frontier"]

Vector = npt.NDArray[np.float64]

#: The bare safety margin on the mean latency.
_MARGIN = 1.3
#: A choice stands for at least so many frames.
_PERIOD_FRAMES = 8


def rising_frontier(latency_ms: Vector, accuracy: Vector) -> npt.NDArray[np.intp]:
    """Positions of branches that no quicker one equals in accuracy, the quickest first."""
    order = np.lexsort((-accuracy, latency_ms))
    best_before = np.maximum.accumulate(np.concatenate([[-np.inf], accuracy[order][:-1]]))
    return np.asarray(order[accuracy[order] > best_before])


class OriginalPolicy(SchedulingPolicy):
    """The most accurate branch of the frontier whose mean latency fits SLA / 1.3.

    Decides every max(si, 8) frames, by its own latency predictor and content-agnostic accuracy.

    Parameters
    ----------
    latency
        ApproxDet's predictor and sensor.
    accuracy
        ``(B,)`` content-agnostic AP50.
    """

    reacts_at_once = False

    def __init__(self, latency: OriginalLatency, accuracy: Vector) -> None:
        self._latency, self._accuracy = latency, accuracy
        self._held: Selection | None = None
        self._held_for: object = None
        #: Frames of the groups since the choice, the one that began last included.
        self._frames = 0

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        observation, held = candidates.observation, self._held
        stream = (observation.source_id, observation.image_size)
        is_over = stream != self._held_for or self._frames >= _PERIOD_FRAMES
        if held is None or is_over or not candidates.is_open[held.index]:
            held, self._frames = self._choose(candidates), 0
        self._held, self._held_for = held, stream
        self._frames += int(candidates.space.compiled.group_frames[held.index])
        return held

    def _choose(self, candidates: Candidates) -> Selection:
        budget_ms = candidates.observation.sla.latency_ms
        latency_ms = self._latency.predict_ms(candidates.observation)
        latency_ms = np.where(candidates.is_open, latency_ms, np.inf)
        frontier = rising_frontier(latency_ms, self._accuracy)
        fitting = frontier[latency_ms[frontier] <= budget_ms / _MARGIN]
        if not len(fitting):
            index = int(latency_ms.argmin())
            reason = f"approxdet: no branch fits {budget_ms:.1f} ms / {_MARGIN}; the fastest"
            return Selection(index, reason)
        # Along the frontier accuracy rises, so that the last one that fits is the best.
        index = int(fitting[-1])
        reason = f"approxdet: most accurate inside {budget_ms:.1f} ms / {_MARGIN}"
        return Selection(index, reason)

    def observe(self, result: FrameResult) -> str:
        """See `SchedulingPolicy`."""
        self._latency.observe(result)
        return ""
