"""Measure what every part of a space takes on the idle machine, in seconds not minutes."""

from collections.abc import Callable, Mapping

import numpy as np

from approx_perception.assembly.measuring import LatencyRows, PartTimer, Scene, objects_of
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.detectors import Detector
from approx_perception.files import Columns
from approx_perception.structures import Detections
from approx_perception.trackers import Tracker

__all__ = ["calibrate", "calibration_scene"]

_IMAGES = 7
_SAMPLES = 5
_TRACKER_SAMPLES = 3
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
