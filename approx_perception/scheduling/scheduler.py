"""The decision machine: which branch, and whether this frame is detected or tracked."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.branches import BranchSpace
from approx_perception.predictors import LatencyPredictor
from approx_perception.scheduling.policies import Candidates, SchedulingPolicy
from approx_perception.structures import SLA, Decision, FrameResult, Observation

__all__ = ["Scheduler"]


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of frames under way.

    Attributes
    ----------
    decision
        Made at its first frame.
    position
        Of the frame decided last, from 0.
    """

    decision: Decision
    position: int
    sla: SLA
    policy: SchedulingPolicy
    stream: tuple[str, tuple[int, int]]


class Scheduler:
    """Turn observations into decisions.

    A group of frames is one detection frame and the si - 1 tracked ones after it. The branch
    is chosen at the start of each group; a change of SLA, policy, stream or image size ends
    the group at once.

    Parameters
    ----------
    space
        Branches to choose from.
    policy
        How to choose; may be replaced at any time.
    latency
        Predicts, and learns from results.
    accuracy
        ``(B,)`` in the order of the space.
    """

    def __init__(
        self,
        space: BranchSpace,
        policy: SchedulingPolicy,
        latency: LatencyPredictor,
        accuracy: npt.NDArray[np.float64],
    ) -> None:
        self.space = space
        self.policy = policy
        self._latency = latency
        self._accuracy = accuracy
        self._group: _Group | None = None
        #: Measured latencies of the group under way, in ms.
        self.group_processing_ms: list[float] = []

    def decide(self, observation: Observation) -> Decision:
        """Choose what to do with the frame that is about to be processed."""
        # Read once: the user may replace it between two lines.
        policy = self.policy
        group = self._group
        stream = (observation.source_id, observation.image_size)
        if group is not None and self._goes_on(group, observation.sla, policy, stream):
            self._group = replace(group, position=group.position + 1)
            return replace(group.decision, run_detector=False, switched=False)
        decision = self._choose(observation, policy)
        self._group = _Group(decision, 0, observation.sla, policy, stream)
        self.group_processing_ms = []
        return decision

    def observe(self, result: FrameResult) -> None:
        """Learn from a processed frame."""
        self.group_processing_ms.append(result.timings.processing_ms)
        self._latency.observe(result)

    def abort_group(self) -> None:
        """Start a new group at the next frame: this one failed, so its objects are unknown."""
        self._group = None

    @staticmethod
    def _goes_on(
        group: _Group, sla: SLA, policy: SchedulingPolicy, stream: tuple[str, tuple[int, int]]
    ) -> bool:
        unchanged = (group.sla, group.policy, group.stream) == (sla, policy, stream)
        return unchanged and group.position + 1 < group.decision.branch.si

    def _choose(self, observation: Observation, policy: SchedulingPolicy) -> Decision:
        estimate = self._latency.predict(observation)
        candidates = Candidates(self.space, estimate.mean_ms, estimate.quantile_ms, self._accuracy)
        selection = policy.select(candidates, observation.sla.latency_ms)
        branch = self.space[selection.index]
        accuracy = float(self._accuracy[selection.index])
        previous = self._group.decision.branch if self._group is not None else branch
        return Decision(
            branch=branch,
            run_detector=True,
            switched=branch != previous,
            expected_ms=float(estimate.mean_ms[selection.index]),
            expected_quantile_ms=float(estimate.quantile_ms[selection.index]),
            expected_accuracy=accuracy if accuracy >= 0 else float("nan"),
            reason=selection.reason,
        )
