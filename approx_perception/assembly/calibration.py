"""Measure what every part of a space takes on the idle machine, in seconds not minutes."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from approx_perception.assembly.measuring import LatencyRows, PartTimer, Scene, objects_of
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.files import Columns
from approx_perception.structures import Detections
from approx_perception.trackers import Tracker

__all__ = ["batches_that_pay", "calibrate", "calibration_scene"]

_IMAGES = 7
_SAMPLES = 5
_TRACKER_SAMPLES = 3
_BATCH_SAMPLES = 5
#: A batch must save this share of the time of its images, or they go one by one.
_BATCH_GAIN = 0.05
#: Number and size of objects, apart from each other.
_OBJECTS = ((1, 1.0), (6, 1.8), (6, 0.6), (20, 1.0), (20, 0.6))


def calibration_scene(image_size: tuple[int, int]) -> Scene:
    """Synthetic crowd of width and height in px."""
    width, height = image_size
    labelled = list(SyntheticVideo("crowd", "val", 0, _IMAGES, width, height))
    truth = labelled[0].ground_truth
    if truth is None:
        raise AssertionError("synthetic video has ground truth")
    objects = Detections.from_arrays(truth.boxes, np.ones(len(truth)), truth.class_ids)
    return Scene([entry.frame.image for entry in labelled], objects)


def calibrate(
    detector: Detector,
    trackers: Mapping[TrackerSettings, Tracker],
    space: BranchSpace,
    scene: Scene,
    clock: Clock,
    report: Callable[[str], None] = lambda _: None,
) -> Columns:
    """Run every detector setting and tracker of a space a few times.

    Parameters
    ----------
    detector, trackers
        What will be used, warm.
    space
        Names the settings.
    scene
        Of the size to expect.
    clock
        Times them.
    report
        Called with the name of each part before it is measured.

    Returns
    -------
    dict
        Columns of `LATENCY_COLUMNS`, all of one level.
    """
    rows = LatencyRows()
    timer = PartTimer(detector, trackers, space, clock, rows)
    for part, (shape, nprop) in enumerate(space.detector_settings):
        report(f"detector {shape} {nprop or ''}".strip())
        timer.detections(part, scene, _SAMPLES)
    for part, settings in enumerate(space.trackers):
        report(f"tracker {settings.name}/{settings.ds}")
        for count, scale in _OBJECTS:
            timer.tracking(part, scene, objects_of(scene, count, scale), _TRACKER_SAMPLES)
    return rows.columns()


def batches_that_pay(
    detector: Detector,
    space: BranchSpace,
    scene: Scene,
    count: int,
    clock: Clock,
    report: Callable[[str], None] = lambda _: None,
) -> frozenset[tuple[int, int | None]]:
    """``(shape, nprop)`` at which ``count`` images take less time as a batch than one by one."""
    images = [scene.images[i % len(scene.images)] for i in range(count)]

    def median_ms(settings: DetectorSettings, batches: list[list[npt.NDArray[np.uint8]]]) -> float:
        samples = []
        for _ in range(_BATCH_SAMPLES):
            start_ns = clock.monotonic_ns()
            for batch in batches:
                detector.detect_together(batch, settings)
            samples.append((clock.monotonic_ns() - start_ns) / 1e6)
        # The first run of a size is slower.
        return float(np.median(samples[1:]))

    paying = set()
    for knobs in space.detector_settings:
        report(f"batches of {count}, detector {knobs[0]} {knobs[1] or ''}".strip())
        settings = DetectorSettings(*knobs)
        singles_ms = median_ms(settings, [[image] for image in images])
        if median_ms(settings, [images]) < (1 - _BATCH_GAIN) * singles_ms:
            paying.add(knobs)
    return frozenset(paying)
