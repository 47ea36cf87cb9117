"""Latency of all branches now: the fitted model, the sensed contention, and what frames taught."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.contention import ContentionFilter
from approx_perception.predictors._base import InputPx, LatencyEstimate
from approx_perception.predictors.latency_model import LatencyModel
from approx_perception.predictors.part_bias import PartBias
from approx_perception.predictors.tail import BareMargin, CalibratedTail
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    ContentionState,
    FrameResult,
    LoadReading,
    Observation,
    SlaScope,
)

__all__ = ["AdaptiveLatency", "FrameExpectation"]

Vector = npt.NDArray[np.float64]

_OVERHEAD_GAIN = 0.1
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
        Log slowdown believed before and after the frame.
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
    model
        Of the parts of that space, from a profile or a calibration.
    input_px
        The detector's own, see `Detector.input_px`; None if all images are of the aspect that was
        profiled.
    corrects_online
        Whether frames correct the model; off only to learn what that is worth.
    calibrates_tail
        Whether the tail is calibrated, in place of a bare margin of 1.3; likewise.
    """

    def __init__(
        self,
        space: BranchSpace,
        model: LatencyModel,
        input_px: InputPx | None = None,
        corrects_online: bool = True,
        calibrates_tail: bool = True,
    ) -> None:
        self.model = model
        self._settings = {setting: i for i, setting in enumerate(space.detector_settings)}
        #: Positions of trackers and, behind them, of none.
        trackers: list[TrackerSettings | None] = [*space.trackers, None]
        self._trackers = {tracker: i for i, tracker in enumerate(trackers)}
        self._space = space
        self._bias = PartBias(model.setting_count, model.tracker_count, corrects_online)
        count, nothing = model.setting_count, len(model.base)
        #: ``(T + 1,)`` parts of their initialisation and step.
        self._inits = np.array([*range(count, count + model.tracker_count), nothing])
        self._steps = np.array([*range(count + model.tracker_count, nothing), nothing])
        #: ``(K,)`` of the space's cadences: position of the tracker among these, share of
        #: detections and of tracked frames.
        self._tracker_of = np.array([self._trackers[tracker] for _, tracker in space.cadences])
        intervals = np.array([si for si, _ in space.cadences], np.float64)
        self._detection_share, self._tracked_share = 1 / intervals, 1 - 1 / intervals
        #: Different si, and ``(K,)`` position of the cadences' among them.
        self._intervals, self._interval_of = np.unique(intervals, return_inverse=True)
        #: Cadences of groups of one frame: the one at si = 1, if the space has it.
        self._alone = np.flatnonzero(intervals == 1)
        #: ``(D, K)`` position of a branch in a table of settings and trackers.
        rows = np.arange(count)[:, None]
        self._pair_of = rows * len(self._inits) + self._tracker_of
        #: ``(S, 3)`` in each state: mean log slowdown of detections, and the load of CPU and GPU
        #: that a monitor reads, 0 where unknown.
        self._told_of_states = np.column_stack(
            [model.log_slowdown[:count].mean(axis=0), np.nan_to_num(model.load)]
        )
        self._filter = ContentionFilter(model.log_slowdown, model.scatter, model.load)
        self._overhead_ms = 0.0
        self._tails = [
            CalibratedTail(residuals) if calibrates_tail else BareMargin()
            for residuals in (*model.residuals, model.residuals[0])
        ]
        #: Of the last prediction, by part, with one behind the last that costs nothing: latency on
        #: the idle machine and typical latency now, in ms, and scatter of its logarithm.
        self._base_ms = np.zeros(len(model.base) + 1)
        self._typical_ms = np.zeros(len(model.base) + 1)
        self._scatter = np.full(len(model.base) + 1, 0.1)
        #: Of the last prediction: what contention and bias multiply the costs of parts by.
        self._factor = np.ones(len(model.base))
        self._input_px = input_px
        self._image_size = (0, 0)
        #: ``(D,)`` pixels that the network sees at each setting, to those when it was profiled.
        self._input_share = np.ones(count)
        self._mean_ms = np.zeros(len(space))
        self._setting: int | None = None
        self._load = LoadReading()
        self._pending: _Residual | None = None
        self._group_ms: list[float] = []
        self._group_expected_ms, self._group_broke = 0.0, False

    def predict(self, observation: Observation, stay_frames: float = 1e9) -> LatencyEstimate:
        """Estimate all branches; see `LatencyPredictor`.

        In scope ``frame`` the quantile is that of the mixture of slow detection frames and
        quick tracked ones; in scope ``gof`` that of the mean over a group.
        """
        weights = self._predict_parts(observation)
        # Of a log-normal latency the mean is above the typical value.
        mean_ms = self._typical_ms * np.exp(0.5 * self._scatter**2)
        mean = self._detections_ms(mean_ms).take(self._pair_of)
        mean *= self._detection_share
        # Overhead is in both.
        mean += self._tracked_share * mean_ms[self._steps][self._tracker_of] + self._overhead_ms
        sla, switching_ms = observation.sla, np.zeros(self.model.setting_count)
        if self._setting is not None:
            switching_ms = self.model.switching_ms[self._setting] / max(stay_frames, 1.0)
        budget_ms = np.maximum(sla.latency_ms - switching_ms, 1e-3)
        detections_ms = self._detections_ms(self._typical_ms) + self._overhead_ms
        if sla.scope is SlaScope.GOF:
            quantile, late = self._group_tails(sla, budget_ms, mean, detections_ms[:, -1])
        else:
            quantile = self._frame_quantile(sla.quantile, detections_ms)
            late = self._late_frames(budget_ms, detections_ms)
        self._mean_ms = mean.ravel()
        by_setting = switching_ms[:, None]
        return LatencyEstimate(
            (mean + by_setting).ravel(), (quantile + by_setting).ravel(), late.ravel(),
            self._contention(weights, observation.load),
        )  # fmt: skip

    def expect(self, branch: Branch, run_detector: bool, quantile: float) -> FrameExpectation:
        """Expect one frame of a branch of the space, for all that was observed until now.

        Decisions go by `predict`, which stands for a whole group; frames of the group itself, too,
        tell what the next ones take.
        """
        kind = 0 if run_detector else 1
        setting, init, step = self._parts_of(branch)
        part = setting if run_detector else step
        part_ms = self._typical_now_ms(part)
        frame_ms = part_ms + self._overhead_ms
        if run_detector:
            frame_ms += self._typical_now_ms(init)
        mean_factor = math.exp(0.5 * float(self._scatter[part]) ** 2)
        tail = math.exp(self._tails[kind].log_ratio(quantile))
        return FrameExpectation(part_ms * mean_factor, frame_ms * mean_factor, frame_ms * tail)

    def _typical_now_ms(self, part: int) -> float:
        if part == len(self.model.base):
            return 0.0
        factor = math.exp(self._believed(part) + float(self._bias.values[part]))
        return float(self._base_ms[part]) * factor

    def _parts_of(self, branch: Branch) -> tuple[int, int, int]:
        """Positions of detection, initialisation and step; behind the last for no tracker."""
        setting = self._settings[branch.detector_settings]
        tracker = self._trackers[branch.tracker_settings]
        return setting, int(self._inits[tracker]), int(self._steps[tracker])

    def _predict_parts(self, observation: Observation) -> Vector:
        """Update the typical latency of all parts; returns the weights of the states."""
        weights = self._filter.weights(observation.load)
        self._factor = np.exp(self.model.log_slowdown @ weights + self._bias.values)
        if observation.image_size != self._image_size:
            self._image_size = observation.image_size
            self._input_share = self._input_share_of(observation.image_size)
        self._take_in(observation.content)
        self._scatter[:-1] = self.model.scatter @ weights
        self._load = observation.load
        return weights

    def idle_detections_ms(self, image_size: tuple[int, int]) -> Vector:
        """``(D,)`` typical latencies on the idle machine, as measured, of images of that size."""
        share = self._input_share_of(image_size)
        costs = self.model.base_ms(ContentFeatures(), image_size, share)
        return costs[: self.model.setting_count]

    def _input_share_of(self, image_size: tuple[int, int]) -> Vector:
        shapes = [shape for shape, _ in self._space.detector_settings]
        if self._input_px is None or not all(image_size):
            return np.ones(len(shapes))
        width, height = (int(side) for side in self.model.profiled_size)
        now, then = (
            np.array([self._input_px(shape, size) for shape in shapes], np.float64)
            for size in (image_size, (width, height))
        )
        return now / then

    def _take_in(self, content: ContentFeatures) -> None:
        """Work out typical latencies anew for other objects, contention as it was predicted."""
        self._base_ms[:-1] = self.model.base_ms(content, self._image_size, self._input_share)
        self._typical_ms[:-1] = self._base_ms[:-1] * self._factor

    def _detections_ms(self, parts_ms: Vector) -> Vector:
        """``(D, T + 1)`` of detections that start each tracker, and none."""
        return np.asarray(parts_ms[: self.model.setting_count, None] + parts_ms[self._inits])

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
        quick = self._typical_ms[self._steps] + self._overhead_ms
        quick *= math.exp(self._tails[1].log_ratio(early))
        # Without a tracker there are no quick frames.
        quick[-1] = 0.0
        return np.asarray(np.maximum(slow, quick[self._tracker_of]))

    def _late_frames(self, budget_ms: Vector, detections_ms: Vector) -> Vector:
        """``(D, K)`` share of frames expected to take longer than budgets, ``(D,)``.

        Worked out for each setting and tracker: cadences that differ in si share them.
        """
        late = self._tails[0].share_over(np.log(budget_ms[:, None] / detections_ms))
        quick_ms = np.maximum(self._typical_ms[self._steps] + self._overhead_ms, 1e-9)
        late_steps = self._tails[1].share_over(np.log(budget_ms[:, None] / quick_ms))
        share = late.take(self._pair_of)
        share *= self._detection_share
        share += late_steps.take(self._pair_of) * self._tracked_share
        return np.asarray(share)

    def _contention(self, weights: Vector, reading: LoadReading) -> ContentionState:
        log_slowdown, cpu, gpu = (weights @ self._told_of_states).tolist()
        uses_load = self._filter.uses_load(reading)
        source = "latency and load topics" if uses_load else "latency"
        if not self.model.is_profiled:
            cpu, gpu = reading.cpu or 0.0, reading.gpu or 0.0
        return ContentionState(cpu, gpu, math.exp(log_slowdown), source)

    def observe(self, result: FrameResult) -> None:
        """Learn contention, bias, tail and overhead from a frame."""
        timings, branch = result.timings, result.decision.branch
        setting, init, step = self._parts_of(branch)
        self._observe_group(result)
        objects = ContentFeatures.of_objects(result.detections)
        if result.decision.run_detector:
            self._setting = setting
            # The tracker is given what was found now, not what was there when it was decided.
            self._take_in(objects)
            expected_ms = float(self._typical_ms[setting] + self._typical_ms[init])
            self._learn(0, setting, timings.detect_ms, expected_ms, result)
            if timings.initialize_ms > 0 and self._base_ms[init] > 0:
                ratio = self._log_ratio(init, timings.initialize_ms)
                self._bias.observe(init, ratio - self._believed(init))
        else:
            self._learn(1, step, timings.track_ms, float(self._typical_ms[step]), result)
            self._take_in(objects)
        parts_ms = timings.detect_ms + timings.initialize_ms + timings.track_ms
        overhead_ms = max(timings.processing_ms - parts_ms, 0.0)
        self._overhead_ms += _OVERHEAD_GAIN * (overhead_ms - self._overhead_ms)

    def _learn(
        self, kind: int, part: int, part_ms: float, expected_ms: float, result: FrameResult
    ) -> None:
        """Learn from a detection (kind 0) or a tracked frame (kind 1).

        The filter takes in what the part took; the part is corrected by what contention does
        not explain; the tail learns how far the whole frame was from what was predicted for it,
        unless contention broke away in it.
        """
        if part_ms <= 0 or self._base_ms[part] <= 0:
            return
        before = self._believed(part)
        log_ratio = self._log_ratio(part, part_ms)
        self._filter.observe(part, log_ratio, self._load)
        after = self._believed(part)
        residual = math.log(result.timings.processing_ms / (expected_ms + self._overhead_ms))
        self._tails[kind].correct(residual, result.sla.quantile)
        self._remember(_Residual(kind, residual, before, after))
        self._bias.observe(part, log_ratio - after)

    def _believed(self, part: int) -> float:
        """Log slowdown of a part, as believed now."""
        return float(self.model.log_slowdown[part] @ self._filter.weights(self._load))

    def _log_ratio(self, part: int, part_ms: float) -> float:
        """Log ratio of a latency to that of the idle machine, bias included."""
        return math.log(part_ms / float(self._base_ms[part])) - float(self._bias.values[part])

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

    def _observe_group(self, result: FrameResult) -> None:
        """Teach the tail of groups, when the next one begins."""
        decision = result.decision
        if decision.run_detector:
            if len(self._group_ms) > 1 and self._group_expected_ms > 0:
                mean_ms = sum(self._group_ms) / len(self._group_ms)
                residual = math.log(max(mean_ms, 1e-3) / self._group_expected_ms)
                self._tails[2].correct(residual, result.sla.quantile)
                if not self._group_broke:
                    self._tails[2].remember(residual)
            # Our own expectation: the decision's may be another policy's.
            self._group_expected_ms = float(self._mean_ms[self._space.index(decision.branch)])
            self._group_ms, self._group_broke = [], False
        self._group_ms.append(result.timings.processing_ms)
