"""Latency of all branches now: the fitted model, the sensed contention, and what frames taught."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace
from approx_perception.contention import ContentionFilter
from approx_perception.predictors._base import LatencyEstimate
from approx_perception.predictors.latency_model import LatencyModel
from approx_perception.predictors.tail import BareMargin, CalibratedTail
from approx_perception.structures import (
    ContentionState,
    FrameResult,
    LoadReading,
    Observation,
    SlaScope,
)

__all__ = ["AdaptiveLatency", "FrameExpectation"]

Vector = npt.NDArray[np.float64]

_OVERHEAD_GAIN = 0.1
#: Share of a residual that is put down to the part, and to all parts of its kind.
_PART_GAIN, _KIND_GAIN = 0.06, 0.03
_BIAS_LIMIT = math.log(8.0)
#: A change of the sensed slowdown, in log, that explains a residual: no tail is learned from it.
_BREAK = 0.15
#: Where detections are rare, the quantile would let all of them be late; this many may be.
_LATE_DETECTIONS = 0.2
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


class AdaptiveLatency:
    """Predict latencies; see `LatencyPredictor`.

    Parameters
    ----------
    space
        Branches to predict.
    model
        Of the parts of that space, from a profile or a calibration.
    corrects_online
        Whether frames correct the model; off only to learn what that is worth.
    calibrates_tail
        Whether the tail is calibrated, in place of a bare margin of 1.3; likewise.
    """

    def __init__(
        self,
        space: BranchSpace,
        model: LatencyModel,
        corrects_online: bool = True,
        calibrates_tail: bool = True,
    ) -> None:
        self.model = model
        self._corrects_online = corrects_online
        self._settings = {setting: i for i, setting in enumerate(space.detector_settings)}
        self._trackers = {tracker: i for i, tracker in enumerate(space.trackers)}
        self._si = np.array([branch.si for branch in space], np.float64)
        self._detection_share = 1 / self._si
        self._bias = np.zeros(len(model.base))
        parts = np.array([self._parts_of(branch) for branch in space])
        self._setting_of, self._init_of, self._step_of = parts.T
        self._filter = ContentionFilter(model.log_slowdown, model.scatter, model.load)
        self._overhead_ms = 0.0
        self._tails = [
            CalibratedTail(residuals) if calibrates_tail else BareMargin()
            for residuals in (
                model.detection_residuals, model.tracking_residuals, model.detection_residuals
            )
        ]  # fmt: skip
        self._mean_factor = [
            float(np.exp(residuals).mean())
            for residuals in (model.detection_residuals, model.tracking_residuals)
        ]
        #: Of the last prediction, for learning: typical ms of each part, last setting, load.
        self._typical_ms = np.zeros(len(model.base) + 1)
        self._setting: int | None = None
        self._load = LoadReading()
        self._group_ms: list[float] = []
        self._group_expected_ms = 0.0

    def predict(self, observation: Observation) -> LatencyEstimate:
        """Estimate all branches.

        In scope ``frame`` the quantile is that of the mixture of slow detection frames and
        quick tracked ones; in scope ``gof`` that of the mean over a group.
        """
        weights = self._predict_parts(observation)
        typical, share = self._typical_ms, self._detection_share
        detection = typical[self._setting_of] + typical[self._init_of]
        step = typical[self._step_of]
        mean = share * detection * self._mean_factor[0] + (1 - share) * step * self._mean_factor[1]
        mean = mean + self._overhead_ms
        sla = observation.sla
        if sla.scope is SlaScope.GOF:
            quantile = mean * math.exp(self._tails[2].log_ratio(sla.quantile))
        else:
            quantile = self._frame_quantile(detection, step, sla.quantile)
        if self._setting is None:
            switching = np.zeros(len(mean))
        else:
            switching = self.model.switching_ms[self._setting][self._setting_of]
        contention = self._contention(weights, observation.load)
        return LatencyEstimate(mean, quantile, switching, contention)

    def expect(self, branch: Branch, run_detector: bool, quantile: float) -> FrameExpectation:
        """Expect one frame of a branch of the space, for what was observed last."""
        kind = 0 if run_detector else 1
        setting, init, step = self._parts_of(branch)
        part_ms = float(self._typical_ms[setting if run_detector else step])
        frame_ms = part_ms + self._overhead_ms
        if run_detector:
            frame_ms += float(self._typical_ms[init])
        factor = self._mean_factor[kind]
        tail = math.exp(self._tails[kind].log_ratio(quantile))
        return FrameExpectation(part_ms * factor, frame_ms * factor, frame_ms * tail)

    def _parts_of(self, branch: Branch) -> tuple[int, int, int]:
        """Positions of detection, initialisation and step; behind the last for no tracker."""
        setting = self._settings[branch.detector_settings]
        nothing = len(self._bias)
        if branch.tracker_settings is None:
            return setting, nothing, nothing
        init = self.model.setting_count + self._trackers[branch.tracker_settings]
        return setting, init, init + self.model.tracker_count

    def _predict_parts(self, observation: Observation) -> Vector:
        """Update the typical latency of all parts; returns the weights of the states."""
        weights = self._filter.weights(observation.load)
        base = self.model.base_ms(observation.content, observation.image_size)
        typical = base * np.exp(self.model.log_slowdown @ weights + self._bias)
        self._typical_ms[:-1] = typical
        self._load = observation.load
        return weights

    def _frame_quantile(self, detection: Vector, step: Vector, quantile: float) -> Vector:
        allowed = 1 - quantile
        # Of detections, more may be late the rarer they are; of si = 1, just those allowed.
        late = np.minimum(allowed * self._si, max(_LATE_DETECTIONS, allowed))
        shares = dict.fromkeys(late.tolist())
        ratio = {share: math.exp(self._tails[0].log_ratio(1 - share)) for share in shares}
        slow = (detection + self._overhead_ms) * np.array([ratio[x] for x in late.tolist()])
        tracking_ratio = math.exp(self._tails[1].log_ratio(1 - _TRACKING_SHARE * allowed))
        quick = (step + self._overhead_ms) * tracking_ratio
        return np.asarray(np.where(self._si > 1, np.maximum(slow, quick), slow))

    def _contention(self, weights: Vector, reading: LoadReading) -> ContentionState:
        slowdown = math.exp(
            float(weights @ self.model.log_slowdown[: self.model.setting_count].mean(axis=0))
        )
        load = weights @ np.nan_to_num(self.model.load)
        uses_load = self._filter.uses_load(reading)
        source = "latency and load topics" if uses_load else "latency"
        cpu, gpu = (float(share) for share in load)
        if not self.model.is_profiled:
            cpu, gpu = reading.cpu or 0.0, reading.gpu or 0.0
        return ContentionState(cpu, gpu, slowdown, source)

    def observe(self, result: FrameResult) -> None:
        """Learn contention, bias, tail and overhead from a frame."""
        timings, branch = result.timings, result.decision.branch
        setting, init, step = self._parts_of(branch)
        self._observe_group(result)
        if result.decision.run_detector:
            self._setting = setting
            typical_ms = float(self._typical_ms[setting] + self._typical_ms[init])
            self._learn(0, setting, timings.detect_ms, typical_ms, result)
            self._correct(init, timings.initialize_ms)
        else:
            self._learn(1, step, timings.track_ms, float(self._typical_ms[step]), result)
        parts_ms = timings.detect_ms + timings.initialize_ms + timings.track_ms
        overhead_ms = max(timings.processing_ms - parts_ms, 0.0)
        self._overhead_ms += _OVERHEAD_GAIN * (overhead_ms - self._overhead_ms)

    def _learn(
        self, kind: int, part: int, part_ms: float, typical_ms: float, result: FrameResult
    ) -> None:
        """Learn from a detection (kind 0) or a tracked frame (kind 1).

        The filter takes in what the part took; the part is corrected by what contention does
        not explain; the tail learns how far the whole frame was from what was predicted for it,
        unless contention broke away in it.
        """
        typical_part_ms = float(self._typical_ms[part])
        if part_ms <= 0 or typical_part_ms <= 0:
            return
        log_slowdown = self.model.log_slowdown[part]
        before = float(log_slowdown @ self._filter.weights(self._load))
        log_ratio = math.log(part_ms / typical_part_ms) + before
        self._filter.observe(part, log_ratio)
        after = float(log_slowdown @ self._filter.weights(self._load))
        if abs(after - before) < _BREAK:
            expected_ms = typical_ms + self._overhead_ms
            residual = math.log(result.timings.processing_ms / expected_ms)
            self._tails[kind].observe(residual, result.sla.quantile)
        if self._corrects_online:
            self._adjust(part, log_ratio - after)

    def _correct(self, part: int, measured_ms: float) -> None:
        if self._corrects_online and measured_ms > 0 and self._typical_ms[part] > 0:
            self._adjust(part, math.log(measured_ms / self._typical_ms[part]))

    def _adjust(self, part: int, residual: float) -> None:
        if part >= len(self._bias):
            return
        residual = float(np.clip(residual, -1.0, 1.0))
        first, count = self.model.setting_count, self.model.tracker_count
        kind = slice(0, first) if part < first else slice(first, first + 2 * count)
        self._bias[kind] += _KIND_GAIN * residual
        self._bias[part] += _PART_GAIN * residual
        np.clip(self._bias, -_BIAS_LIMIT, _BIAS_LIMIT, out=self._bias)

    def _observe_group(self, result: FrameResult) -> None:
        """Teach the tail of groups, when the next one begins."""
        decision = result.decision
        if decision.run_detector:
            if self._group_ms and self._group_expected_ms > 0:
                mean_ms = sum(self._group_ms) / len(self._group_ms)
                residual = math.log(max(mean_ms, 1e-3) / self._group_expected_ms)
                self._tails[2].observe(residual, result.sla.quantile)
            self._group_ms, self._group_expected_ms = [], decision.expected_ms
        self._group_ms.append(result.timings.processing_ms)
