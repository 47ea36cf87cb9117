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

    def mean_ms(self, count: int) -> tuple[float, float]:
        """Mean initialisation and step for a number of objects, between those measured."""
        if count == 0:
            return 0.0, 0.0
        initialize, step = (
            float(np.interp(count, self.object_counts, samples.mean(axis=1)))
            for samples in (self.initialize_ms, self.step_ms)
        )
        return initialize, step


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


class _Slowness:
    """How much longer something takes now than when it was measured, over the last frames."""

    _WINDOW = 60
    #: Fewer ratios tell their middle but not their tail.
    _ENOUGH = 20
    _LIMITS = (0.5, 8.0)

    def __init__(self) -> None:
        self._ratios: deque[float] = deque(maxlen=self._WINDOW)

    def observe(self, measured_ms: float, expected_ms: float) -> None:
        if measured_ms > 0 and expected_ms > 0:
            self._ratios.append(measured_ms / expected_ms)

    @property
    def typical(self) -> float:
        """Median ratio; 1 before any."""
        return float(np.clip(np.median(self._ratios), *self._LIMITS)) if self._ratios else 1.0

    def tail(self, quantile: float) -> float | None:
        """Ratio at a quantile, for the mean; None while that cannot be told."""
        if len(self._ratios) < self._ENOUGH:
            return None
        return float(np.clip(np.quantile(self._ratios, quantile), *self._LIMITS))


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
        self._detector_samples = [
            measurements.detector_ms[branch.detector_settings] for branch in self._branches
        ]
        self._detector_mean = np.array([samples.mean() for samples in self._detector_samples])
        self._tracker_index = [
            space.trackers.index(branch.tracker_settings) if branch.tracker_settings else -1
            for branch in self._branches
        ]
        self._trackers = [measurements.trackers[tracker] for tracker in space.trackers]
        self._quantile_columns: dict[float, Vector] = {}
        self._overhead_ms = 0.0
        self._detection_slowness = _Slowness()
        self._tracking_slowness = _Slowness()

    def predict(self, observation: Observation) -> LatencyEstimate:
        """Estimate all branches; see `LatencyPredictor`.

        In scope ``frame`` the quantile is that of the mixture of slow detection frames and
        quick tracked ones; in scope ``gof`` that of the mean over a group.
        """
        sla = observation.sla
        initialize, step = self._tracker_columns(observation.object_count)
        slow, quick = self._detection_slowness, self._tracking_slowness
        typical_detection = self._detector_mean + initialize
        detection = typical_detection * slow.typical
        tracking = step * quick.typical
        detection_share = 1 / self._si
        mean = detection_share * detection + (1 - detection_share) * tracking
        tail = slow.tail(sla.quantile)
        if tail is not None:
            detection_tail = typical_detection * tail
        else:
            detection_tail = (self._detector_quantile(sla.quantile) + initialize) * slow.typical
        if sla.scope is SlaScope.GOF:
            quantile = detection_share * detection_tail + (1 - detection_share) * tracking
        else:
            tracking_tail = step * (quick.tail(sla.quantile) or quick.typical)
            detections_are_rare = detection_share <= 1 - sla.quantile + 1e-9
            quantile = np.where(detections_are_rare, tracking_tail, detection_tail)
        return LatencyEstimate(mean + self._overhead_ms, quantile + self._overhead_ms)

    def observe(self, result: FrameResult) -> None:
        """Learn how slow the machine is now, and what runs beside detector and tracker."""
        timings, branch = result.timings, result.decision.branch
        count = len(result.detections)
        measured_ms = timings.detect_ms + timings.initialize_ms + timings.track_ms
        overhead_ms = max(timings.processing_ms - measured_ms, 0.0)
        self._overhead_ms += _OVERHEAD_GAIN * (overhead_ms - self._overhead_ms)
        initialize_ms, step_ms = self._tracker_ms(branch, count)
        if not result.decision.run_detector:
            self._tracking_slowness.observe(measured_ms, step_ms)
        elif (samples := self.measurements.detector_ms.get(branch.detector_settings)) is not None:
            self._detection_slowness.observe(measured_ms, float(samples.mean()) + initialize_ms)

    def _detector_quantile(self, quantile: float) -> Vector:
        if quantile not in self._quantile_columns:
            column = np.array([np.quantile(part, quantile) for part in self._detector_samples])
            self._quantile_columns = {quantile: column}
        return self._quantile_columns[quantile]

    def _tracker_ms(self, branch: Branch, count: int) -> tuple[float, float]:
        """Mean initialisation and step for a number of objects."""
        tracker = branch.tracker_settings
        if tracker is None or tracker not in self.measurements.trackers:
            return 0.0, 0.0
        return self.measurements.trackers[tracker].mean_ms(count)

    def _tracker_columns(self, count: int) -> tuple[Vector, Vector]:
        # The last row serves branches without a tracker, whose index is -1.
        rows = np.array([part.mean_ms(count) for part in self._trackers] + [(0.0, 0.0)])
        columns = rows[self._tracker_index]
        return columns[:, 0], columns[:, 1]
