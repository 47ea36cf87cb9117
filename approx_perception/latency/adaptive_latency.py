"""Latency of all branches now: of their parts put together, with calibrated tails."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Space
from approx_perception.kernels import CostTerms
from approx_perception.latency import constants
from approx_perception.latency._base import LatencyEstimate
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.latency.part_latency import PartLatency
from approx_perception.latency.tail import CalibratedTail
from approx_perception.structures import SLA, FrameResult, GroupEnded, Observation, SlaScope

__all__ = ["AdaptiveLatency", "FrameExpectation"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FrameExpectation:
    """Latency of one frame of a branch, for all that was observed until now.

    Attributes
    ----------
    part_ms
        Mean of its main part alone.
    frame_ms, quantile_ms
        Mean, and value at the SLA's quantile, of the whole frame.
    """

    part_ms: float
    frame_ms: float
    quantile_ms: float


class AdaptiveLatency:
    """Predict latencies; see `LatencyPredictor`.

    What is worked out for each of the F frames of a space serves all branches that have it.

    Parameters
    ----------
    space
        Branches to predict.
    model, terms
        See `PartLatency`.
    """

    def __init__(self, space: Space[Any], model: LatencyModel, terms: CostTerms) -> None:
        self._space, compiled = space, space.compiled
        self._compiled = compiled
        self._parts = PartLatency(compiled, model, terms)
        #: ``(M, F)`` see `CompiledSpace.frames`.
        self._parts_of_frames = np.ascontiguousarray(compiled.frames.T)
        #: ``(K, B)`` frame that a branch runs for each kind, and its share.
        self._frame_of = compiled.frame_of.T.copy()
        self._share = np.ascontiguousarray(compiled.share.T)
        #: Frames of each kind.
        self._of_kind = [
            np.flatnonzero(compiled.frame_kind == k) for k in range(len(compiled.kinds))
        ]
        #: Different shares of frames of the first kind, and ``(B,)`` which one a branch has.
        self._first_shares, self._first_share_of = np.unique(self._share[0], return_inverse=True)
        #: Branches whose groups are one frame.
        self._alone = np.flatnonzero(compiled.group_frames == 1)
        self._overhead_ms = 0.0
        #: Of each kind of frame, and of groups.
        self._tails = [CalibratedTail(residuals) for residuals in model.residuals]
        self._group_tail = CalibratedTail(model.residuals[0])
        self._mean_ms = np.zeros(len(space))
        self._group_expected_ms, self._group_broke = 0.0, False

    @property
    def model(self) -> LatencyModel:
        """What it began with."""
        return self._parts.model

    def idle_ms(self, image_size: tuple[int, int]) -> Vector:
        """``(P,)`` typical latencies on the idle machine, as measured, of images of that size."""
        return self._parts.idle_ms(image_size)

    def predict(self, observation: Observation) -> LatencyEstimate:
        """Estimate all branches; see `LatencyPredictor`.

        In scope ``frame`` the quantile is that of the mixture of the kinds of frame; in scope
        ``gof`` that of the mean over a group.
        """
        contention = self._parts.predict(observation)
        beside_ms = self._parts.typical_ms.take(self._compiled.beside)
        self._see_steps(beside_ms, observation.period_ms)
        sla = observation.sla
        typical_ms = self._frames_ms(self._parts.typical_ms)
        self._mean_ms = self._by_share(typical_ms)
        late = self._late_frames(sla, typical_ms)
        if sla.scope is SlaScope.GOF:
            quantile_ms, late_share = self._groups(sla, typical_ms, late)
        else:
            quantile_ms, late_share = self._quantile_ms(sla, typical_ms), self._by_share(late)
        return LatencyEstimate(self._mean_ms, quantile_ms, late_share, contention, beside_ms)

    def _see_steps(self, beside_ms: Vector, period_ms: float) -> None:
        """What was found beside is brought forward in as many steps as it is frames old, or most.

        As many as there can be, while nothing is known of the frames.
        """
        by_steps = self._compiled.by_steps
        if len(by_steps) > 1:
            delays = (
                np.ceil(beside_ms / period_ms) if period_ms else np.full(len(beside_ms), np.inf)
            )
            rows = np.clip(delays, 1, len(by_steps)).astype(np.intp) - 1
            self._frame_of[0] = by_steps[rows, np.arange(len(rows))]

    def expect(self, branch: Hashable, kind: str, quantile: float) -> FrameExpectation:
        """Expect one frame of a branch of the space.

        Decisions go by `predict`, which stands for a whole group; frames of the group itself, too,
        tell what the next ones take.
        """
        position = self._compiled.kinds.index(kind)
        parts = list(self._space.parts_of(branch, kind))
        parts_ms = self._parts.now_ms()[parts]
        frame_ms = float(parts_ms.sum()) + self._overhead_ms
        tail = math.exp(self._tails[position].log_ratio(quantile))
        return FrameExpectation(float(parts_ms[0]), frame_ms, frame_ms * tail)

    def observe(self, result: FrameResult) -> None:
        """Learn contention, bias, tail and overhead from a frame, and from what ran beside."""
        self._observe_beside(result)
        is_sound = 0 < result.own_ms < math.inf and len(result.parts) > 0
        if not (is_sound and all(0 <= ms < math.inf for _, ms in result.parts)):
            return
        if result.decision.starts_group:
            # Our own expectation: the decision's may be another policy's.
            index = self._space.index(result.decision.branch)
            self._group_expected_ms, self._group_broke = float(self._mean_ms[index]), False
            # It works on what it found itself, not on what was there when it was decided.
            self._parts.take_in(result.content)
            self._learn(result)
        else:
            self._learn(result)
            self._parts.take_in(result.content)
        overhead_ms = max(result.overhead_ms, 0.0)
        # A process that was stopped for a minute has no overhead of a minute.
        overhead_ms = min(overhead_ms, 2 * self._overhead_ms + constants.MOST_MORE_OVERHEAD_MS)
        self._overhead_ms += constants.SMOOTHING * (overhead_ms - self._overhead_ms)

    def _observe_beside(self, result: FrameResult) -> None:
        beside = result.beside
        if beside is None or beside.error is not None or not 0 < beside.ms < math.inf:
            return
        if self._parts.is_known(beside.part):
            self._parts.observe(beside.part, beside.ms)

    def group_ended(self, group: GroupEnded) -> None:
        """Teach the tail of groups."""
        # A late group that goes on was chosen as one that does: the frames planned count.
        measured_ms = group.measured_ms[: group.planned_frames]
        if len(measured_ms) < 2 or self._group_expected_ms <= 0:
            return
        mean_ms = sum(measured_ms) / len(measured_ms)
        residual = math.log(max(mean_ms, 1e-3) / self._group_expected_ms)
        self._group_tail.correct(residual, group.sla.quantile)
        if not self._group_broke:
            self._group_tail.remember(residual)

    def _frames_ms(self, parts_ms: Vector) -> Vector:
        """``(F + 1,)`` of frames, and of none, from ``(P + 1,)`` of parts."""
        frames_ms = np.zeros(len(self._compiled.frames) + 1)
        parts_ms.take(self._parts_of_frames).sum(axis=0, out=frames_ms[:-1])
        frames_ms[:-1] += self._overhead_ms
        return frames_ms

    def _by_share(self, of_frames: Vector) -> Vector:
        """``(B,)`` means of ``(F + 1,)`` over groups."""
        return np.asarray((of_frames.take(self._frame_of) * self._share).sum(axis=0))

    def _late_frames(self, sla: SLA, typical_ms: Vector) -> Vector:
        """``(F + 1,)`` share of each frame expected over the SLA."""
        late = np.zeros(len(typical_ms))
        for tail, frames in zip(self._tails, self._of_kind, strict=True):
            ratios = np.log(sla.latency_ms / np.maximum(typical_ms[frames], 1e-9))
            late[frames] = tail.share_over(ratios)
        return late

    def _quantile_ms(self, sla: SLA, typical_ms: Vector) -> Vector:
        """``(B,)`` of the mixture of kinds: the first one is rare and slow, the others quick.

        Of the first kind more may be late the rarer it is.
        """
        allowed = 1 - sla.quantile
        most = max(constants.LATE_FIRST_FRAMES, allowed)
        first_late = np.minimum(allowed / self._first_shares, most)
        factors = np.exp(self._tails[0].log_ratios(1 - first_late))
        quantile_ms = typical_ms.take(self._frame_of[0]) * factors.take(self._first_share_of)
        early = 1 - constants.OTHER_FRAMES_SHARE * allowed
        for tail, frames in zip(self._tails[1:], self._frame_of[1:], strict=True):
            others_ms = typical_ms * math.exp(tail.log_ratio(early))
            np.maximum(quantile_ms, others_ms.take(frames), out=quantile_ms)
        return np.asarray(quantile_ms)

    def _groups(self, sla: SLA, typical_ms: Vector, late: Vector) -> tuple[Vector, Vector]:
        """``(B,)`` quantiles of groups, and shares expected over the SLA.

        By their means; but a group of one frame is that frame, of which more is known.
        """
        tail, alone = self._group_tail, self._alone
        quantile_ms = self._mean_ms * math.exp(tail.log_ratio(sla.quantile))
        late_share = tail.share_over(np.log(sla.latency_ms / self._mean_ms))
        frames = self._frame_of[0, alone]
        quantile_ms[alone] = typical_ms[frames] * math.exp(self._tails[0].log_ratio(sla.quantile))
        late_share[alone] = late[frames]
        return quantile_ms, late_share

    def _learn(self, result: FrameResult) -> None:
        """Learn from the parts; and how far the whole frame was from what was predicted for it.

        Unless a profile may be all wrong still: then that is not what frames scatter by.
        """
        parts, (main, main_ms) = self._parts, result.parts[0]
        if main_ms <= 0 or not parts.is_known(main):
            return
        is_settled = parts.is_settled(main)
        expected_ms = sum(float(parts.typical_ms[part]) for part, _ in result.parts)
        expected_ms *= parts.batch_factor(main, result.batch_size)
        parts.observe(main, main_ms, result.batch_size)
        for part, ms in result.parts[1:]:
            if ms > 0 and parts.is_known(part):
                parts.correct(part, ms)
        residual = math.log(max(result.own_ms, 1e-3) / (expected_ms + self._overhead_ms))
        tail = self._tails[self._compiled.kinds.index(result.decision.kind)]
        tail.correct(residual, result.sla.quantile)
        if is_settled:
            tail.remember(residual)
        else:
            self._group_broke = True
