"""Stand-ins with a will of their own."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock, FakeClock
from approx_perception.datasets import FrameSource
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.kernels.detection import DetectionKernel, DetectionOptions
from approx_perception.latency._base import LatencyEstimate
from approx_perception.pipeline import Stream
from approx_perception.scheduling import Scheduler
from approx_perception.structures import SLA, Detections, FrameResult, GroupEnded, Observation

__all__ = ["FakeDetector", "FakeLatency", "TruthDetector", "small_space", "stream_of"]


def small_space() -> BranchSpace:
    """Two shapes, si 1 and 4, one tracker: four branches."""
    return BranchSpace("small", [160, 320], [], [1, 4], [TrackerSettings("median_flow", 1)])


def stream_of(
    detector: Detector,
    scheduler: Scheduler,
    clock: Clock | None = None,
    sla: SLA | None = None,
    **options: Any,
) -> Stream:
    """Detection with the scheduler's space, under 50 ms if nothing else is said.

    ``options`` are those of `DetectionOptions`.
    """
    kernel = DetectionKernel(detector, cast(BranchSpace, scheduler.space))
    stream = Stream(kernel, scheduler, sla or SLA(50.0), clock)
    stream.state.options = DetectionOptions(**options)
    return stream


class FakeDetector(Detector):
    """Returns what it is told, after moving a fake clock.

    Parameters
    ----------
    find
        From image and settings to detections.
    clock, latency_ms
        What a detection costs.
    """

    class_names = ("thing", "other")
    uses_proposals = False
    description = "fake detector"

    def __init__(
        self,
        find: Callable[[npt.NDArray[np.uint8], DetectorSettings], Detections],
        clock: FakeClock | None = None,
        latency_ms: float = 10.0,
    ) -> None:
        self._find, self._clock, self._latency_ms = find, clock, latency_ms
        self.calls: list[DetectorSettings] = []

    def _detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        self.calls.append(settings)
        if self._clock is not None:
            self._clock.advance_ms(self._latency_ms)
        return self._find(image, settings)


class TruthDetector(Detector):
    """Knows the ground truth of a source, by image content.

    Parameters
    ----------
    source
        Read once.
    """

    uses_proposals = False
    description = "ground truth"

    def __init__(self, source: FrameSource) -> None:
        self.class_names = source.class_names
        self._by_image = {}
        for entry in source:
            truth = entry.ground_truth
            if truth is not None:
                found = Detections.from_arrays(truth.boxes, np.ones(len(truth)), truth.class_ids)
                self._by_image[entry.frame.image.tobytes()] = found.select(~truth.ignored)

    def _detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        return self._by_image[image.tobytes()]


class FakeLatency:
    """A latency predictor that says what it is told.

    Parameters
    ----------
    quantile_ms
        ``(B,)``; may be replaced at any time.
    steepness
        How fast the share of late frames falls below the budget and rises above it.
    """

    def __init__(self, quantile_ms: npt.ArrayLike, steepness: float = 100.0) -> None:
        self.steepness = steepness
        self.quantile_ms = np.asarray(quantile_ms, np.float64)
        self.observed: list[FrameResult] = []
        self.groups: list[GroupEnded] = []

    def predict(self, observation: Observation) -> LatencyEstimate:
        """See `LatencyPredictor`."""
        sla = observation.sla
        # As many are late as the SLA allows where the quantile is the budget.
        exponent = 1 + self.steepness * (1 - self.quantile_ms / sla.latency_ms)
        late_share = (1 - sla.quantile) ** np.maximum(exponent, 0.0)
        return LatencyEstimate(self.quantile_ms * 0.8, self.quantile_ms, late_share)

    def observe(self, result: FrameResult) -> None:
        """See `LatencyPredictor`."""
        self.observed.append(result)

    def group_ended(self, group: GroupEnded) -> None:
        """See `LatencyPredictor`."""
        self.groups.append(group)
