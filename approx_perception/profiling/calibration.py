"""Preheat every part of a space and measure what it takes, in seconds not minutes."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.predictors import LatencyMeasurements, TrackerMeasurements
from approx_perception.structures import Detections
from approx_perception.trackers import Tracker

__all__ = ["measure_latency"]

_PREHEATS = 2
_SAMPLES = 7
_OBJECT_COUNTS = (1, 8, 18)

Images = list[npt.NDArray[np.uint8]]


def _elapsed_ms(action: Callable[[], object], clock: Clock) -> float:
    start_ns = clock.monotonic_ns()
    action()
    return (clock.monotonic_ns() - start_ns) / 1e6


def _measure_detector(
    detector: Detector, settings: DetectorSettings, images: Images, clock: Clock
) -> npt.NDArray[np.float64]:
    samples = [
        _elapsed_ms(lambda image=image: detector.detect(image, settings), clock)  # type: ignore[misc]
        for image in images
    ]
    return np.array(samples[_PREHEATS:])


def _measure_tracker(
    tracker: Tracker, images: Images, objects: Detections, clock: Clock
) -> tuple[list[float], list[float]]:
    """Initialisation and step samples; every step is a first one, as boxes must stay real."""
    initialize_ms, step_ms = [], []
    for before, after in pairwise(images):
        initialize_ms.append(_elapsed_ms(lambda b=before: tracker.initialize(b, objects), clock))  # type: ignore[misc]
        step_ms.append(_elapsed_ms(lambda a=after: tracker.update(a), clock))  # type: ignore[misc]
    return initialize_ms[_PREHEATS - 1 :], step_ms[_PREHEATS - 1 :]


def _measure_tracker_counts(
    tracker: Tracker, images: Images, objects: Detections, clock: Clock
) -> TrackerMeasurements:
    counts = np.array([count for count in _OBJECT_COUNTS if count <= len(objects)])
    rows = [
        _measure_tracker(tracker, images, objects.select(np.arange(count)), clock)
        for count in counts
    ]
    return TrackerMeasurements(
        counts, np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    )


def measure_latency(
    detector: Detector,
    trackers: Mapping[TrackerSettings, Tracker],
    space: BranchSpace,
    image_size: tuple[int, int],
    clock: Clock,
    report: Callable[[str], None] = lambda _: None,
) -> LatencyMeasurements:
    """Run every detector setting and tracker of a space a few times.

    Parameters
    ----------
    detector, trackers
        What will be used; both are warm afterwards.
    space
        Names the settings.
    image_size
        Width and height in px of the images to expect.
    clock
        Times them.
    report
        Called with the name of each part before it is measured.
    """
    width, height = image_size
    video = SyntheticVideo("crowd", "val", 0, _PREHEATS + _SAMPLES, width, height)
    labelled = list(video)
    images = [entry.frame.image for entry in labelled]
    truth = labelled[0].ground_truth
    if truth is None:
        raise AssertionError("synthetic video has ground truth")
    objects = Detections.from_arrays(truth.boxes, np.ones(len(truth)), truth.class_ids)
    detector_ms = {}
    for shape, nprop in space.detector_settings:
        settings = DetectorSettings(shape, nprop)
        detector.check_settings(settings)
        report(f"detector {settings.shape} {settings.nprop or ''}".strip())
        detector_ms[shape, nprop] = _measure_detector(detector, settings, images, clock)
    tracker_ms = {}
    for tracker_settings in space.trackers:
        report(f"tracker {tracker_settings.name}/{tracker_settings.ds}")
        tracker = trackers[tracker_settings]
        tracker_ms[tracker_settings] = _measure_tracker_counts(tracker, images, objects, clock)
    return LatencyMeasurements(detector_ms, tracker_ms, image_size)
