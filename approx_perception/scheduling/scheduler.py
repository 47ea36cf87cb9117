"""The decision machine: which branch, and whether a frame begins a group or goes on with one."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import RANKS_BELOW, AccuracyPredictor
from approx_perception.accuracy.ageing import aged
from approx_perception.branches import Space
from approx_perception.exceptions import InvalidFrameError
from approx_perception.latency._base import LatencyPredictor
from approx_perception.scheduling.failing_parts import FailingParts
from approx_perception.scheduling.groups import GroupTracker
from approx_perception.scheduling.policies import Candidates, SchedulingPolicy
from approx_perception.structures import (
    SLA,
    Decision,
    FrameResult,
    GroupEnded,
    Observation,
    SlaScope,
)

__all__ = ["Scheduler"]

_STRETCHED = "going on: the group is over the SLA, and more quick frames bring it inside"


@dataclass(frozen=True, slots=True)
class _Choice:
    """The decision for the group under way, and what it was made for.

    Attributes
    ----------
    decision
        Made at its first frame.
    index
        Position of its branch in the space.
    """

    decision: Decision
    index: int
    sla: SLA
    policy: SchedulingPolicy
    stream: tuple[str, tuple[int, int]]
    allowed: npt.NDArray[np.bool_] | None


class Scheduler:
    """Turn observations into decisions.

    The branch is chosen at the start of each group of frames. Another policy, stream or image size
    ends a group at once; so does a change of SLA, for policies that react at once, and what the
    kernel saw in its output (`FrameResult.why_end`), unless the policy says otherwise. A step of
    the load does not: another first frame under new load is what a tight budget can least afford.

    An SLA of scope ``gof`` is about the mean of a group, so that a group that took too long can
    still be saved: policies that stretch groups have it go on, up to the longest group that is
    allowed, if that brings its mean inside.

    Where what begins a group runs beside the frames (`Space.beside`), a group begins only when that
    is free, and goes on until then.

    Parts that keep failing are left out for a while; see `FailingParts`.

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
        space: Space[Any],
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
        #: Others may listen to it.
        self.groups = GroupTracker()
        self.groups.listeners.append(self._learn_of_group)
        self._accuracy = accuracy
        self._failing = FailingParts(space.compiled)
        self._possible = space.compiled.possible
        self._choice: _Choice | None = None

    def decide(self, observation: Observation) -> Decision:
        """Choose what to do with the frame that is about to be processed."""
        # Read once: the user may replace it between two lines.
        policy, choice, groups = self.policy, self._choice, self.groups
        self._failing.begin_frame(observation.image_size)
        if choice is not None and not observation.can_begin:
            return self._go_on(choice)
        if choice is not None and not groups.is_ending:
            if why := self._why_not_go_on(choice, observation, policy):
                groups.end(why)
            elif groups.position + 1 < groups.planned_frames:
                return self._go_on(choice)
            elif policy.stretches_groups and self._can_be_saved(choice):
                return replace(self._go_on(choice), reason=_STRETCHED)
        return self._start_group(observation, policy)

    def observe(self, result: FrameResult) -> None:
        """Learn from a processed frame."""
        choice = self._choice
        if choice is None:
            raise AssertionError("a result without a decision")
        self.groups.observe(result)
        self.latency.observe(result)
        self._failing.succeeded([part for part, _ in result.parts])
        if result.beside is not None and result.beside.error is None:
            self._failing.succeeded([result.beside.part])
        if why := choice.policy.observe(result):
            self.groups.end(why)

    def abort_group(self) -> None:
        """Start a new group at the next frame: nothing in this one can go on."""
        self.groups.end()

    def fail(self, part: int | None, error: Exception) -> None:
        """Take in that a frame failed, in the part at a position or in none."""
        self.abort_group()
        # An image that cannot be processed is no fault of a part.
        if part is not None and not isinstance(error, InvalidFrameError):
            self._failing.failed(part, error)

    def left_out(self) -> list[str]:
        """What is left out because it failed, a sentence each; may be asked from any thread."""
        choice = self._choice
        return self._failing.report(None if choice is None else choice.index)

    def _go_on(self, choice: _Choice) -> Decision:
        self.groups.position += 1
        compiled = self.space.compiled
        kind = compiled.kinds[compiled.kind_at(choice.index, self.groups.position)]
        return replace(choice.decision, kind=kind, starts_group=False, switched=False)

    def _why_not_go_on(
        self, choice: _Choice, observation: Observation, policy: SchedulingPolicy
    ) -> str:
        stream = (observation.source_id, observation.image_size)
        is_new_sla = policy.reacts_at_once and choice.sla != observation.sla
        for has_changed, reason in (
            (choice.policy is not policy, "the policy changed"),
            (not _are_same(choice.allowed, self.allowed), "the allowed branches changed"),
            (choice.stream != stream, "another stream or image size"),
            (is_new_sla, "the SLA changed"),
        ):
            if has_changed:
                return reason
        return ""

    def _can_be_saved(self, choice: _Choice) -> bool:
        """Whether the mean of a late group is inside the SLA after some more of its last frames."""
        sla, spent_ms = choice.sla, self.groups.measured_ms
        over_ms = sum(spent_ms) - len(spent_ms) * sla.latency_ms
        # A group of one frame has nothing to go on with.
        if sla.scope is not SlaScope.GOF or over_ms <= 0 or len(spent_ms) < 2:
            return False
        spared_ms = sla.latency_ms - sum(spent_ms[1:]) / (len(spent_ms) - 1)
        return (self._most_frames(choice) - len(spent_ms)) * spared_ms >= over_ms

    def _most_frames(self, choice: _Choice) -> int:
        """Of the groups of branches allowed that differ from the choice in that alone."""
        compiled = self.space.compiled
        alike = compiled.longer[:, (compiled.longer == choice.index).any(axis=0)]
        if choice.allowed is not None:
            alike = alike[choice.allowed[alike]]
        return int(compiled.group_frames[alike].max(initial=self.groups.planned_frames))

    def _start_group(self, observation: Observation, policy: SchedulingPolicy) -> Decision:
        choice = self._choose(observation, policy, self.allowed)
        planned_frames = int(self.space.compiled.group_frames[choice.index])
        self.groups.begin(choice.decision.branch, observation.sla, planned_frames)
        self._choice = choice
        return choice.decision

    def _accuracy_of(
        self, observation: Observation, beside_ms: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """``(B,)`` expected on the present content; less where what was found comes late."""
        accuracy = self._accuracy.predict(observation.content)
        if not beside_ms.any() or not observation.period_ms:
            return accuracy
        return aged(accuracy, beside_ms / observation.period_ms, self.space.compiled)

    def _learn_of_group(self, group: GroupEnded) -> None:
        self.latency.group_ended(group)
        if self._choice is not None:
            # Still the choice of the group that is over: its policy learns of it.
            self._choice.policy.group_ended(group)

    def _choose(
        self,
        observation: Observation,
        policy: SchedulingPolicy,
        allowed: npt.NDArray[np.bool_] | None,
    ) -> _Choice:
        estimate = self.latency.predict(observation)
        accuracy = self._accuracy_of(observation, estimate.beside_ms)
        last, cause = self._choice, self.groups.why
        # Holding on is against noise; another SLA is a wish to choose anew.
        is_held = last is not None and last.sla == observation.sla
        usable = self._failing.open_among(
            self._possible if allowed is None else self._possible & allowed
        )
        candidates = Candidates(
            self.space, estimate.mean_ms, estimate.quantile_ms, estimate.late_share,
            accuracy, last.index if last is not None and is_held else None, observation, usable,
            self._accuracy.errors,
        )  # fmt: skip
        selection = policy.select(candidates)
        index = selection.index
        decision = Decision(
            branch=self.space[index],
            kind=self.space.compiled.kinds[0],
            starts_group=True,
            switched=last is not None and index != last.index,
            expected_ms=float(estimate.mean_ms[index]),
            expected_quantile_ms=float(estimate.quantile_ms[index]),
            expected_accuracy=_share(float(accuracy[index])),
            reason=f"{cause}: {selection.reason}" if cause else selection.reason,
            contention=estimate.contention,
            fits=candidates.any_fits(),
            fastest_ms=float(candidates.quantile_ms.min()),
        )
        stream = (observation.source_id, observation.image_size)
        return _Choice(decision, index, observation.sla, policy, stream, allowed)


def _are_same(one: npt.NDArray[np.bool_] | None, other: npt.NDArray[np.bool_] | None) -> bool:
    return one is other or (
        one is not None and other is not None and bool(np.array_equal(one, other))
    )


def _share(accuracy: float) -> float:
    """AP50 as users know it, 0..1; nan for a rank."""
    return min(max(accuracy, 0.0), 1.0) if accuracy >= RANKS_BELOW else float("nan")
