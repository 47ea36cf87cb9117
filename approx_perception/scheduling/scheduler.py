"""The decision machine: which branch, and whether this frame is detected or tracked."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import RANKS_BELOW, AccuracyPredictor
from approx_perception.branches import BranchSpace
from approx_perception.exceptions import InvalidFrameError
from approx_perception.latency._base import LatencyPredictor
from approx_perception.scheduling.failing_parts import FailingParts, Part
from approx_perception.scheduling.lateness_price import LatenessPrice
from approx_perception.scheduling.policies import Candidates, SchedulingPolicy
from approx_perception.structures import SLA, Decision, FrameResult, Observation, SlaScope

__all__ = ["Scheduler"]

#: Share of the objects that a tracker must lose in one frame for a group to end early: a cut, or a
#: jerk of the camera, after which the rest of the group would be worth nothing.
_LOST_AT_ONCE = 0.5
_STRETCHED = "tracking on: the group is over the SLA, and more quick frames bring it inside"


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of frames under way.

    Attributes
    ----------
    decision
        Made at its first frame.
    keeps_budget
        Whether its branch was chosen for being mostly inside the SLA.
    position
        Of the frame decided last, from 0.
    since_choice
        Frames since its branch was last chosen.
    """

    decision: Decision
    keeps_budget: bool
    position: int
    since_choice: int
    sla: SLA
    policy: SchedulingPolicy
    stream: tuple[str, tuple[int, int]]
    allowed: npt.NDArray[np.bool_] | None


class Scheduler:
    """Turn observations into decisions.

    A group of frames is one detection frame and the si - 1 tracked ones after it. The branch
    is chosen at the start of each group; another policy, stream or image size ends the group
    at once, and so do, for policies that react at once, a change of SLA, latency that breaks away,
    and a tracker that loses most objects in one frame. A step of the load does not: another
    detection under new load is what a tight budget can least afford.

    An SLA of scope ``gof`` is about the mean of a group, so that a group that took too long can
    still be saved: policies that stretch groups have it track on, up to the longest si that is
    allowed, if that brings its mean inside.

    A detector setting or tracker that keeps failing is left out for a while; see `FailingParts`.

    Parameters
    ----------
    space
        Branches to choose from.
    policy
        How to choose; may be replaced at any time.
    latency
        Predicts, and learns from results.
    accuracy
        Predicts by content.
    """

    def __init__(
        self,
        space: BranchSpace,
        policy: SchedulingPolicy,
        latency: LatencyPredictor,
        accuracy: AccuracyPredictor,
    ) -> None:
        self.space = space
        self.policy = policy
        #: Replaced by another one to forget what was learned.
        self.latency = latency
        #: ``(B,)`` bool: branches that policies may choose from; None for all.
        self.allowed: npt.NDArray[np.bool_] | None = None
        self._accuracy = accuracy
        self._si = np.array([branch.si for branch in space])
        self._group: _Group | None = None
        self._last: Decision | None = None
        #: Why the group before ended early; empty where it did not.
        self._cause = ""
        #: Objects published for the frame before.
        self._object_count = 0
        self._price = LatenessPrice()
        self._failing = FailingParts(space)
        #: Measured latencies of the group under way, in ms.
        self.group_processing_ms: list[float] = []
        #: Of these, what a batch took for other cameras' images.
        self._others_ms = 0.0

    def wants_image_features(self, sla: SLA) -> bool:
        """Whether the next decision is better for them by more than they cost."""
        return self.policy.wants_image_features or self._accuracy.wants_image_features(sla)

    def decide(self, observation: Observation) -> Decision:
        """Choose what to do with the frame that is about to be processed."""
        # Read once: the user may replace it between two lines.
        policy = self.policy
        group = self._group
        self._failing.begin_frame(observation.image_size)
        if group is not None:
            self._cause = self._cause or self._why_not_go_on(group, observation, policy)
            if not self._cause:
                group = replace(
                    group, position=group.position + 1, since_choice=group.since_choice + 1
                )
                if group.position < group.decision.branch.si:
                    self._group = group
                    return self._go_on(group)
                if policy.stretches_groups and self._can_be_saved(group):
                    self._group = group
                    return replace(self._go_on(group), reason=_STRETCHED)
                if group.since_choice < policy.period_frames:
                    # The same branch goes on with its next group.
                    self._group = replace(group, position=0)
                    self.group_processing_ms = []
                    return replace(group.decision, switched=False)
        return self._start_group(observation, policy)

    def observe(self, result: FrameResult) -> None:
        """Learn from a processed frame."""
        if result.decision.starts_group:
            self._others_ms = result.timings.processing_ms - result.own_ms
        self.group_processing_ms.append(result.timings.processing_ms)
        self.latency.observe(result)
        self.policy.observe(result)
        self._price.observe(result)
        self._failing.succeeded(_part(result.decision, result.decision.starts_group))
        before, self._object_count = self._object_count, len(result.detections)
        if result.decision.starts_group or not self.policy.reacts_at_once:
            return
        if self._group and self._group.keeps_budget and self._broke_away(result):
            self._cause = "latency broke away"
        elif self._object_count < (1 - _LOST_AT_ONCE) * before:
            self._cause = f"{before - self._object_count} of {before} objects were lost at once"

    def abort_group(self) -> None:
        """Start a new group at the next frame: what the objects of this one are is unknown."""
        self._group = None

    def fail(self, decision: Decision, stage: str, error: Exception) -> None:
        """Take in that a frame failed, in which of the stages of `StageTimings`."""
        self.abort_group()
        is_part = stage in ("detect", "initialize", "track")
        # An image that cannot be processed is no fault of a branch.
        if is_part and not isinstance(error, InvalidFrameError):
            self._failing.failed(_part(decision, stage == "detect"), error)

    def left_out(self) -> list[str]:
        """What is left out because it failed, a sentence each; may be asked from any thread."""
        return self._failing.report(self._last.branch if self._last else None)

    def _go_on(self, group: _Group) -> Decision:
        kinds = self.space.compiled
        kind = kinds.kind_at(self.space.index(group.decision.branch), group.position)
        return replace(group.decision, kind=kinds.kinds[kind], starts_group=False, switched=False)

    def _why_not_go_on(
        self, group: _Group, observation: Observation, policy: SchedulingPolicy
    ) -> str:
        stream = (observation.source_id, observation.image_size)
        for has_changed, reason in (
            (group.policy is not policy, "the policy changed"),
            (not _are_same(group.allowed, self.allowed), "the allowed branches changed"),
            (group.stream != stream, "another stream or image size"),
        ):
            if has_changed:
                return reason
        reason = policy.why_detect(observation)
        if reason or not policy.reacts_at_once:
            return reason
        if group.sla != observation.sla:
            return "the SLA changed"
        return ""

    def _broke_away(self, result: FrameResult) -> bool:
        """Whether the tracked frames of the group, which should be quick, are over the SLA.

        In scope ``frame`` the last one by itself; in scope ``gof``, where a group that ends early
        is late for certain, the mean of two or more.
        """
        sla = result.sla
        if sla.scope is SlaScope.FRAME:
            return result.timings.processing_ms > sla.latency_ms
        return len(self.group_processing_ms) > 2 and self._mean_tracked_ms() > sla.latency_ms

    def _mean_tracked_ms(self) -> float:
        """Of the group under way, which must have a tracked frame."""
        tracked_ms = self.group_processing_ms[1:]
        return sum(tracked_ms) / len(tracked_ms)

    def _can_be_saved(self, group: _Group) -> bool:
        """Whether the mean of a late group is inside the SLA after some more tracked frames."""
        sla, spent_ms = group.sla, self.group_processing_ms
        over_ms = sum(spent_ms) - self._others_ms - len(spent_ms) * sla.latency_ms
        # A group of one frame has no tracker to go on with.
        if sla.scope is not SlaScope.GOF or over_ms <= 0 or len(spent_ms) < 2:
            return False
        spared_ms = sla.latency_ms - self._mean_tracked_ms()
        return (self._longest_si(group) - len(spent_ms)) * spared_ms >= over_ms

    def _longest_si(self, group: _Group) -> int:
        """Of the branches allowed that differ from a group's in si alone."""
        branch, tracked = group.decision.branch, self.space.tracked
        alike = tracked[:, (tracked == self.space.index(branch)).any(axis=0)]
        if group.allowed is not None:
            alike = alike[group.allowed[alike]]
        return int(self._si[alike].max(initial=branch.si))

    def _start_group(self, observation: Observation, policy: SchedulingPolicy) -> Decision:
        allowed = self.allowed
        decision, keeps_budget = self._choose(observation, policy, allowed)
        stream = (observation.source_id, observation.image_size)
        self._group = _Group(decision, keeps_budget, 0, 0, observation.sla, policy, stream, allowed)
        self._last = decision
        self._cause = ""
        self.group_processing_ms = []
        return decision

    def _choose(
        self,
        observation: Observation,
        policy: SchedulingPolicy,
        allowed: npt.NDArray[np.bool_] | None,
    ) -> tuple[Decision, bool]:
        """Choose a branch, and tell whether for being mostly inside the SLA."""
        estimate = self.latency.predict(observation)
        accuracy = self._accuracy.predict(observation.content)
        last = self._last
        # Holding on is against noise; another SLA is a wish to choose anew.
        is_held = self._group is None or self._group.sla == observation.sla
        current = self.space.index(last.branch) if last is not None and is_held else None
        usable = self._failing.open_among(
            np.ones(len(self.space), bool) if allowed is None else allowed
        )
        if observation.sla != self._price.sla:
            self._price.begin(observation.sla)
        candidates = Candidates(
            self.space, estimate.mean_ms, estimate.quantile_ms, estimate.late_share,
            accuracy, current, observation, self._price.ap50, usable,
        )  # fmt: skip
        selection = policy.select(candidates)
        index, expected_ms = selection.index, selection.expected_ms
        branch = self.space[index]
        decision = Decision(
            branch=branch,
            kind=self.space.compiled.kinds[0],
            starts_group=True,
            switched=last is not None and branch != last.branch,
            expected_ms=float(estimate.mean_ms[index]) if expected_ms is None else expected_ms,
            expected_quantile_ms=float(estimate.quantile_ms[index]),
            expected_accuracy=_share(float(accuracy[index])),
            reason=f"{self._cause}: {selection.reason}" if self._cause else selection.reason,
            contention=estimate.contention,
            fits=candidates.any_fits(),
            fastest_ms=float(candidates.quantile_ms.min()),
        )
        return decision, selection.keeps_budget


def _part(decision: Decision, is_detector: bool) -> Part:
    """Detector setting or tracker of a decision."""
    branch = decision.branch
    tracker = branch.tracker_settings
    return branch.detector_settings if is_detector or tracker is None else tracker


def _are_same(one: npt.NDArray[np.bool_] | None, other: npt.NDArray[np.bool_] | None) -> bool:
    return one is other or (
        one is not None and other is not None and bool(np.array_equal(one, other))
    )


def _share(accuracy: float) -> float:
    """AP50 as users know it, 0..1; nan for a rank."""
    return min(max(accuracy, 0.0), 1.0) if accuracy >= RANKS_BELOW else float("nan")
