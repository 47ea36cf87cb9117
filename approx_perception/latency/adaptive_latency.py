"""Latency of all branches now: of their parts put together, with calibrated tails."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace
from approx_perception.latency._base import InputPx, LatencyEstimate
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.latency.part_latency import PartLatency
from approx_perception.latency.tail import BareMargin, CalibratedTail
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    FrameResult,
    GroupEnded,
    Observation,
    SlaScope,
)

__all__ = ["AdaptiveLatency", "FrameExpectation"]

Vector = npt.NDArray[np.float64]

_OVERHEAD_GAIN = 0.1
#: A frame's overhead counts as at most twice what it was before, and so much more.
_MOST_MORE_OVERHEAD_MS = 50.0
#: A change of the sensed slowdown, in log, that explains a residual: no tail is learned from it.
_BREAK = 0.15
#: Where detections are rare, the quantile would let all of them be late; this many may be.
_LATE_DETECTIONS = 0.4
#: Share of the violations allowed that is left to tracked frames.
_TRACKING_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class FrameExpectation:
    """Latency of one frame of a branch, as predicted last.

    Attributes
    ----------
    part_ms
        Mean of detection or tracker step alone.
    frame_ms, quantile_ms
        Mean, and value at the SLA's quantile, of the whole frame.
    """

    part_ms: float
    frame_ms: float
    quantile_ms: float


@dataclass(frozen=True, slots=True)
class _Residual:
    """Log ratio of a frame to what was predicted for it, and what it did to belief in contention.

    Attributes
    ----------
    kind
        0 of a detection, 1 of a tracked frame.
    value
        The ratio.
    before, after
        Log slowdown of detections believed before and after the frame, whatever part ran in it.
    """

    kind: int
    value: float
    before: float
    after: float


class AdaptiveLatency:
    """Predict latencies; see `LatencyPredictor`.

    Parameters
    ----------
    space
        Branches to predict.
    model, input_px, corrects_online
        See `PartLatency`.
    calibrates_tail
        Whether the tail is calibrated, in place of a bare margin of 1.3; off only to learn what
        that is worth.
    """

    def __init__(
        self,
        space: BranchSpace,
        model: LatencyModel,
        input_px: InputPx | None = None,
        corrects_online: bool = True,
        calibrates_tail: bool = True,
    ) -> None:
        self._space = space
        self._parts = PartLatency(space, model, input_px, corrects_online)
        #: ``(K,)`` of the space's cadences: position of the tracker among these, share of
        #: detections and of tracked frames.
        positions = self._parts.tracker_positions
        self._tracker_of = np.array([positions[tracker] for _, tracker in space.cadences])
        intervals = np.array([si for si, _ in space.cadences], np.float64)
        self._detection_share, self._tracked_share = 1 / intervals, 1 - 1 / intervals
        #: Different si, and ``(K,)`` position of the cadences' among them.
        self._intervals, self._interval_of = np.unique(intervals, return_inverse=True)
        #: Cadences of groups of one frame: the one at si = 1, if the space has it.
        self._alone = np.flatnonzero(intervals == 1)
        #: ``(D, K)`` position of a branch in a table of settings and trackers.
        rows = np.arange(model.setting_count)[:, None]
        self._pair_of = rows * len(positions) + self._tracker_of
        self._overhead_ms = 0.0
        self._tails = [
            CalibratedTail(residuals) if calibrates_tail else BareMargin()
            for residuals in (*model.residuals, model.residuals[0])
        ]
        self._mean_ms = np.zeros(len(space))
        self._setting: int | None = None
        self._pending: _Residual | None = None
        self._group_expected_ms, self._group_broke = 0.0, False

    @property
    def model(self) -> LatencyModel:
        """What it began with."""
        return self._parts.model

    def idle_detections_ms(self, image_size: tuple[int, int]) -> Vector:
        """``(D,)`` typical latencies on the idle machine, as measured, of images of that size."""
        return self._parts.idle_detections_ms(image_size)

    def predict(self, observation: Observation, stay_frames: float = 1e9) -> LatencyEstimate:
        """Estimate all branches; see `LatencyPredictor`.

        In scope ``frame`` the quantile is that of the mixture of slow detection frames and
        quick tracked ones; in scope ``gof`` that of the mean over a group.
        """
        contention = self._parts.predict(observation)
        mean_ms, typical_ms = self._parts.mean_ms(), self._parts.typical_ms
        mean = self._detections_ms(mean_ms).take(self._pair_of)
        mean *= self._detection_share
        steps_ms = mean_ms[self._parts.steps].take(self._tracker_of)
        # Overhead is in both.
        mean += self._tracked_share * steps_ms + self._overhead_ms
        sla, switching_ms = observation.sla, np.zeros(self.model.setting_count)
        if self._setting is not None:
            switching_ms = self.model.switching_ms[self._setting] / max(stay_frames, 1.0)
        budget_ms = np.maximum(sla.latency_ms - switching_ms, 1e-3)
        detections_ms = self._detections_ms(typical_ms) + self._overhead_ms
        if sla.scope is SlaScope.GOF:
            quantile, late = self._group_tails(sla, budget_ms, mean, detections_ms[:, -1])
        else:
            quantile = self._frame_quantile(sla.quantile, detections_ms)
            late = self._late_frames(budget_ms, detections_ms)
        self._mean_ms = mean.ravel()
        by_setting = switching_ms[:, None]
        return LatencyEstimate(
            (mean + by_setting).ravel(), (quantile + by_setting).ravel(), late.ravel(), contention
        )  # fmt: skip

    def always_fits(self, sla: SLA) -> npt.NDArray[np.bool_]:
        """See `LatencyPredictor`; of those that detect on every frame, others count as late."""
        tail = math.exp(self._tails[0].log_ratio(sla.quantile))
        worst_ms = (self._parts.worst_detections_ms() + self._overhead_ms) * tail
        fits = np.zeros(self._pair_of.shape, bool)
        fits[:, self._alone] = worst_ms[:, None] <= sla.latency_ms
        return fits.ravel()

    def expect(self, branch: Branch, run_detector: bool, quantile: float) -> FrameExpectation:
        """Expect one frame of a branch of the space, for all that was observed until now.

        Decisions go by `predict`, which stands for a whole group; frames of the group itself, too,
        tell what the next ones take.
        """
        kind = 0 if run_detector else 1
        setting, init, step = self._parts.positions_of(branch)
        part = setting if run_detector else step
        part_ms = self._parts.typical_now_ms(part)
        frame_ms = part_ms + self._overhead_ms
        if run_detector:
            frame_ms += self._parts.typical_now_ms(init)
        mean_factor = self._parts.mean_factor(part)
        tail = math.exp(self._tails[kind].log_ratio(quantile))
        return FrameExpectation(part_ms * mean_factor, frame_ms * mean_factor, frame_ms * tail)

    def _detections_ms(self, parts_ms: Vector) -> Vector:
        """``(D, T + 1)`` of detections that start each tracker, and none."""
        return np.asarray(parts_ms[: self.model.setting_count, None] + parts_ms[self._parts.inits])

    def _group_tails(
        self, sla: SLA, budget_ms: Vector, mean_ms: Vector, typical_ms: Vector
    ) -> tuple[Vector, Vector]:
        """``(D, K)`` quantiles of groups, and shares expected over budgets, ``(D,)``.

        By their means, ``(D, K)``; but a group of one frame is that frame, of which the typical
        latency is known, ``(D,)``.
        """
        quantile = mean_ms * math.exp(self._tails[2].log_ratio(sla.quantile))
        late = self._tails[2].share_over(np.log(budget_ms[:, None] / mean_ms))
        own_quantile = typical_ms * math.exp(self._tails[0].log_ratio(sla.quantile))
        own_late = self._tails[0].share_over(np.log(budget_ms / typical_ms))
        quantile[:, self._alone] = own_quantile[:, None]
        late[:, self._alone] = own_late[:, None]
        return quantile, late

    def _frame_quantile(self, quantile: float, detections_ms: Vector) -> Vector:
        """``(D, K)``, of detections that start each tracker, ``(D, T + 1)``."""
        allowed = 1 - quantile
        # Of detections, more may be late the rarer they are; of si = 1, just those allowed.
        shares = np.minimum(allowed * self._intervals, max(_LATE_DETECTIONS, allowed))
        factors = np.exp(self._tails[0].log_ratios(1 - shares))
        slow = detections_ms.take(self._pair_of)
        slow *= factors.take(self._interval_of)
        early = 1 - _TRACKING_SHARE * allowed
        quick = self._parts.typical_ms[self._parts.steps] + self._overhead_ms
        quick *= math.exp(self._tails[1].log_ratio(early))
        # Without a tracker there are no quick frames.
        quick[-1] = 0.0
        return np.asarray(np.maximum(slow, quick[self._tracker_of]))

    def _late_frames(self, budget_ms: Vector, detections_ms: Vector) -> Vector:
        """``(D, K)`` share of frames expected to take longer than budgets, ``(D,)``.

        Worked out for each setting and tracker: cadences that differ in si share them.
        """
        late = self._tails[0].share_over(np.log(budget_ms[:, None] / detections_ms))
        quick_ms = np.maximum(self._parts.typical_ms[self._parts.steps] + self._overhead_ms, 1e-9)
        late_steps = self._tails[1].share_over(np.log(budget_ms[:, None] / quick_ms))
        share = late.take(self._pair_of)
        share *= self._detection_share
        share += late_steps.take(self._pair_of) * self._tracked_share
        return np.asarray(share)

    def observe(self, result: FrameResult) -> None:
        """Learn contention, bias, tail and overhead from a frame."""
        timings, branch = result.timings, result.decision.branch
        parts_ms = timings.detect_ms + timings.initialize_ms + timings.track_ms
        if not (0 < timings.processing_ms < math.inf and 0 <= parts_ms < math.inf):
            return
        setting, init, step = self._parts.positions_of(branch)
        if result.decision.starts_group:
            # Our own expectation: the decision's may be another policy's.
            self._group_expected_ms = float(self._mean_ms[self._space.index(branch)])
            self._group_broke = False
        objects = ContentFeatures.of_objects(result.detections)
        if result.decision.run_detector:
            self._setting = setting
            # The tracker is given what was found now, not what was there when it was decided.
            self._parts.take_in(objects)
            expected_ms = float(self._parts.typical_ms[[setting, init]].sum())
            self._learn(0, setting, result.own_detect_ms, expected_ms, result)
            if timings.initialize_ms > 0 and self._parts.is_known(init):
                self._parts.correct(init, timings.initialize_ms)
        else:
            expected_ms = float(self._parts.typical_ms[step])
            self._learn(1, step, timings.track_ms, expected_ms, result)
            self._parts.take_in(objects)
        overhead_ms = max(timings.processing_ms - parts_ms, 0.0)
        # A process that was stopped for a minute has no overhead of a minute.
        overhead_ms = min(overhead_ms, 2 * self._overhead_ms + _MOST_MORE_OVERHEAD_MS)
        self._overhead_ms += _OVERHEAD_GAIN * (overhead_ms - self._overhead_ms)

    def _learn(
        self, kind: int, part: int, part_ms: float, expected_ms: float, result: FrameResult
    ) -> None:
        """Learn from a detection (kind 0) or a tracked frame (kind 1).

        Beside what the part teaches, the tail learns how far the whole frame was from what was
        predicted for it, unless contention broke away in it, or a profile may be all wrong still.
        """
        if part_ms <= 0 or not self._parts.is_known(part):
            return
        before, is_settled = self._parts.slowdown(), self._parts.is_settled(part)
        expected_ms *= math.exp(self._parts.log_batch_ratio(part, result.batch_size))
        self._parts.observe(part, part_ms, result.batch_size)
        residual = math.log(max(result.own_ms, 1e-3) / (expected_ms + self._overhead_ms))
        self._tails[kind].correct(residual, result.sla.quantile)
        if is_settled:
            self._remember(_Residual(kind, residual, before, self._parts.slowdown()))
        else:
            self._group_broke = True

    def _remember(self, new: _Residual) -> None:
        """Put a residual into the tail's window, unless a lasting step of contention explains it.

        Whether a step lasts shows at the next frame: if belief goes back, it was an outlier.
        """
        pending, self._pending = self._pending, None
        if pending is not None and abs(new.after - pending.before) < abs(new.after - pending.after):
            self._tails[pending.kind].remember(pending.value)
        self._group_broke |= abs(new.after - new.before) >= _BREAK
        if abs(new.after - new.before) < _BREAK:
            self._tails[new.kind].remember(new.value)
        elif pending is None:
            self._pending = new

    def group_ended(self, group: GroupEnded) -> None:
        """Teach the tail of groups."""
        # A late group that goes on was chosen as one that does: the frames planned count.
        measured_ms = group.measured_ms[: group.planned_frames]
        if len(measured_ms) < 2 or self._group_expected_ms <= 0:
            return
        mean_ms = sum(measured_ms) / len(measured_ms)
        residual = math.log(max(mean_ms, 1e-3) / self._group_expected_ms)
        self._tails[2].correct(residual, group.sla.quantile)
        if not self._group_broke:
            self._tails[2].remember(residual)
