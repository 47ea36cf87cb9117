"""Latency composed of parts that were measured once on this machine.

A branch costs its detection every si-th frame and its tracker on the others, so the parts
are measured, not the branches: a space of a thousand branches has some dozens of parts.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.predictors._base import LatencyEstimate
from approx_perception.structures import FrameResult, Observation, SlaScope

__all__ = ["LatencyMeasurements", "MeasuredLatency", "TrackerMeasurements"]

Vector = npt.NDArray[np.float64]

#: Frames over which the machine's present slowness is judged.
_SLOWDOWN_WINDOW = 24
_SLOWDOWN_LIMITS = (0.5, 8.0)
_OVERHEAD_GAIN = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class TrackerMeasurements:
    """Latency samples of one tracker.

    Attributes
    ----------
    object_counts
        ``(C,)`` rising numbers of objects that were followed.
    initialize_ms, step_ms
        ``(C, K)``: K samples for each of them.
    """

    object_counts: npt.NDArray[np.int64]
    initialize_ms: Vector
    step_ms: Vector


@dataclass(frozen=True, slots=True, eq=False)
class LatencyMeasurements:
    """Latency samples of all parts of a space.

    Attributes
    ----------
    detector_ms
        ``(K,)`` samples for each ``(shape, nprop)``.
    trackers
        Samples of each tracker.
    image_size
        Width and height in px of the images used.
    """

    detector_ms: Mapping[tuple[int, int | None], Vector]
    trackers: Mapping[TrackerSettings, TrackerMeasurements]
    image_size: tuple[int, int]


class MeasuredLatency:
    """Predict latencies from measured parts, corrected by what frames take now.

    Parameters
    ----------
    space
        Branches to predict.
    measurements
        Must hold every part of the space.
    """

    def __init__(self, space: BranchSpace, measurements: LatencyMeasurements) -> None:
        self._branches: tuple[Branch, ...] = tuple(space)
        self.measurements = measurements
        self._si = np.array([branch.si for branch in self._branches], np.float64)
        self._detector_mean = self._detector_column(None)
        self._quantile_columns: dict[float, Vector] = {}
        self._overhead_ms = 0.0
        self._ratios: deque[float] = deque(maxlen=_SLOWDOWN_WINDOW)

    @property
    def slowdown(self) -> float:
        """How much longer frames take now than when they were measured; 1 before any."""
        if not self._ratios:
            return 1.0
        return float(np.clip(np.median(self._ratios), *_SLOWDOWN_LIMITS))

    def predict(self, observation: Observation) -> LatencyEstimate:
        """Estimate all branches; see `LatencyPredictor`.

        In scope ``frame`` the quantile is that of the mixture of slow detection frames and
        quick tracked ones; in scope ``gof`` that of the mean over a group.
        """
        sla = observation.sla
        initialize, step = self._tracker_columns(observation.object_count)
        detection_share = 1 / self._si
        mean = self._detector_mean + initialize
        group_mean = detection_share * mean + (1 - detection_share) * step
        if sla.scope is SlaScope.GOF:
            slow = self._detector_quantile(sla.quantile) + initialize
            quantile = detection_share * slow + (1 - detection_share) * step
        else:
            slow = self._detector_quantile(sla.quantile) + initialize
            detections_are_rare = detection_share <= 1 - sla.quantile + 1e-9
            quantile = np.where(detections_are_rare, step, slow)
        factor, overhead = self.slowdown, self._overhead_ms
        return LatencyEstimate(group_mean * factor + overhead, quantile * factor + overhead)

    def observe(self, result: FrameResult) -> None:
        """Learn how slow the machine is now, and what runs beside detector and tracker."""
        timings = result.timings
        measured_ms = timings.detect_ms + timings.initialize_ms + timings.track_ms
        overhead_ms = max(timings.processing_ms - measured_ms, 0.0)
        self._overhead_ms += _OVERHEAD_GAIN * (overhead_ms - self._overhead_ms)
        expected_ms = self._expected_part_ms(result)
        if expected_ms > 0 and measured_ms > 0:
            self._ratios.append(measured_ms / expected_ms)

    def _expected_part_ms(self, result: FrameResult) -> float:
        """Return what detector and tracker took for such a frame when they were measured."""
        branch, count = result.decision.branch, len(result.detections)
        tracker = branch.tracker_settings
        if not result.decision.run_detector:
            return self._tracker_ms(tracker, count)[1]
        samples = self.measurements.detector_ms.get(branch.detector_settings)
        if samples is None:
            return 0.0
        return float(np.mean(samples)) + self._tracker_ms(tracker, count)[0]

    def _detector_column(self, quantile: float | None) -> Vector:
        samples = (self.measurements.detector_ms[b.detector_settings] for b in self._branches)
        if quantile is None:
            return np.array([np.mean(part) for part in samples])
        return np.array([np.quantile(part, quantile) for part in samples])

    def _detector_quantile(self, quantile: float) -> Vector:
        if quantile not in self._quantile_columns:
            self._quantile_columns = {quantile: self._detector_column(quantile)}
        return self._quantile_columns[quantile]

    def _tracker_ms(self, tracker: TrackerSettings | None, count: int) -> tuple[float, float]:
        """Mean initialisation and step for a number of objects."""
        if tracker is None:
            return 0.0, 0.0
        part = self.measurements.trackers.get(tracker)
        if part is None:
            return 0.0, 0.0
        initialize, step = (
            float(np.interp(count, part.object_counts, samples.mean(axis=1)))
            for samples in (part.initialize_ms, part.step_ms)
        )
        return initialize, step

    def _tracker_columns(self, count: int) -> tuple[Vector, Vector]:
        parts = {
            branch.tracker_settings: self._tracker_ms(branch.tracker_settings, count)
            for branch in self._branches
        }
        columns = np.array([parts[branch.tracker_settings] for branch in self._branches])
        return columns[:, 0], columns[:, 1]
