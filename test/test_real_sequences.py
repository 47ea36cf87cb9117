"""On real video, against the figures that came with it."""

import pytest

from approx_perception.assembly import KernelOptions
from approx_perception.branches import TrackerSettings
from approx_perception.datasets import open_source
from approx_perception.datasets.class_map import ClassMap
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.evaluation.run import run_systems
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.metrics.average_precision import match_frame, mean_ap50
from approx_perception.metrics.figures import figures_of
from approx_perception.trackers import create_tracker
from test.conftest import real_data

SIDES = (160, 224, 288, 352, 416, 512, 608)
PUBLISHED = {
    "TUD-Campus": (0.769, 0.762, 0.779, 0.767, 0.751, 0.777, 0.776),
    "PETS09-S3-MF1": (0.608, 0.856, 0.907, 0.940, 0.934, 0.940, 0.952),
}


@pytest.fixture(scope="module")
def detector(yolox_weights):
    return load_detector("yolox", DetectorOptions(str(yolox_weights)))


@pytest.fixture(scope="module")
def sequence():
    source = open_source(str(real_data("mot/PETS09-S3-MF1")))
    return source, list(source)


def score(detector, source, entries, published):
    frames = [
        (ClassMap(detector.class_names, source.class_names).apply(found), e.ground_truth)
        for found, e in zip(published, entries, strict=True)
    ]
    return mean_ap50((match_frame(*frame) for frame in frames), len(source.class_names)).mean


@pytest.mark.parametrize("sequence", PUBLISHED)
def test_published_accuracy_of_every_shape_by_evaluation(yolox_weights, sequence):
    specs = [
        SystemSpec.create(
            "detector_only",
            KernelOptions(detector="yolox", weights=str(yolox_weights), branch=f"shape={side}"),
            str(side),
        )
        for side in SIDES
    ]
    records = run_systems(specs, SourceOptions(str(real_data(f"mot/{sequence}"))), Scenario())
    measured = [figures_of([record])["ap50"] for record in records]
    assert measured == pytest.approx(PUBLISHED[sequence], abs=0.01)


def test_tracking_three_frames_of_four_costs_little(detector, sequence):
    source, entries = sequence
    tracker = create_tracker(TrackerSettings("median_flow", 1))
    published = []
    for index, entry in enumerate(entries):
        if index % 4 == 0:
            found = detector.detect(entry.frame.image, DetectorSettings(608))
            tracker.initialize(entry.frame.image, found)
        else:
            update = tracker.update(entry.frame.image)
            found = update.detections.select(~update.lost)
        published.append(found)
    tracked = score(detector, source, entries, published)
    assert PUBLISHED["PETS09-S3-MF1"][-1] - tracked < 0.08
