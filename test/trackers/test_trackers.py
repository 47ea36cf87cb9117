import cv2
import numpy as np
import pytest

from approx_perception.branches import TRACKER_NAMES, TrackerSettings
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.exceptions import ConfigurationError
from approx_perception.structures import Detections
from approx_perception.structures.boxes import iou_matrix
from approx_perception.testing.contracts import TrackerContract, textured_image
from approx_perception.trackers import create_tracker
from approx_perception.trackers.dense_flow import _grid_points, _typical_motions

SETTINGS = [TrackerSettings(name, ds) for name in TRACKER_NAMES for ds in (1, 2)]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
class TestContract(TrackerContract):
    @pytest.fixture
    def tracker(self, settings):
        return create_tracker(settings)

    @pytest.fixture
    def tolerance_px(self, settings):
        # Dense flow takes motions below 5 px for none.
        return (
            6.0 if "flow" in settings.name and settings.name != "median_flow" else 3.0 * settings.ds
        )

    def test_object_that_leaves_is_lost_for_good(self, tracker, settings):
        if settings.name in ("kcf", "csrt", "mosse"):
            pytest.skip("OpenCV's filters hold on to the edge; the node drops them at detection")
        super().test_object_that_leaves_is_lost_for_good(tracker)

    def test_a_crowd(self, tracker, settings):
        if settings.name == "csrt":
            pytest.skip("a filter takes 0.2 s an object; mosse and kcf run the same code")
        super().test_a_crowd(tracker)


def test_unknown_tracker_names_the_known():
    with pytest.raises(ConfigurationError, match=r"no tracker 'sort'.*'median_flow'"):
        create_tracker(TrackerSettings("sort", 1))


def test_median_flow_reports_objects_that_vanish():
    image = textured_image()
    tracker = create_tracker(TrackerSettings("median_flow", 1))
    boxes = [[60, 60, 120, 120], [160, 80, 230, 150]]
    tracker.initialize(image, Detections.from_arrays(boxes, [1, 1], [0, 0]))
    covered = image.copy()
    covered[40:140, 40:140] = np.random.default_rng(1).integers(0, 255, (100, 100, 3))
    assert tracker.update(covered).lost.tolist() == [True, False]


def test_median_flow_loses_an_object_of_which_no_point_is_found_again():
    far_right = np.zeros((240, 320, 3), np.uint8)
    far_right[100:140, 280:] = 255
    tracker = create_tracker(TrackerSettings("median_flow", 1))
    # Beyond the edge there is nothing to be found.
    tracker.initialize(far_right, Detections.from_arrays([[330, 100, 390, 140]], [1], [0]))
    assert tracker.update(textured_image()).lost.tolist() == [True]


def test_median_flow_follows_a_change_of_scale():
    image = textured_image(seed=3)
    tracker = create_tracker(TrackerSettings("median_flow", 1))
    tracker.initialize(image, Detections.from_arrays([[110, 70, 210, 170]], [1], [0]))
    zoom = cv2.getRotationMatrix2D((160, 120), 0, 1.1)
    update = tracker.update(cv2.warpAffine(image, zoom, (320, 240)))
    sides = update.detections.boxes[0, 2:] - update.detections.boxes[0, :2]
    np.testing.assert_allclose(sides, [110, 110], atol=2)


@pytest.mark.parametrize("name", ["median_flow", "dis_flow", "dense_flow"])
def test_all_objects_together_equal_each_alone(name):
    video = SyntheticVideo("crowd", "test", 5, 3)
    first, second = (video.render(index) for index in (0, 2))
    truth = first.ground_truth
    objects = Detections.from_arrays(truth.boxes, np.ones(len(truth)), truth.class_ids)
    tracker = create_tracker(TrackerSettings(name, 1))
    tracker.initialize(first.image, objects)
    together = tracker.update(second.image)
    for index in range(len(truth)):
        tracker.initialize(first.image, objects.select(np.array([index])))
        alone = tracker.update(second.image)
        np.testing.assert_allclose(
            alone.detections.boxes[0], together.detections.boxes[index], atol=0.2
        )


@pytest.mark.parametrize("name", ["median_flow", "dis_flow", "dense_flow"])
def test_tracking_beats_standing_still(name):
    video = SyntheticVideo("rush", "test", 2, 4)
    start, end = video.render(0), video.render(3)
    objects = Detections.from_arrays(
        start.ground_truth.boxes, np.ones(len(start.ground_truth)), start.ground_truth.class_ids
    )
    tracker = create_tracker(TrackerSettings(name, 1))
    tracker.initialize(start.image, objects)
    for index in (1, 2, 3):
        update = tracker.update(video.render(index).image)
    rows = [
        (i, int(np.flatnonzero(end.ground_truth.track_ids == track)[0]))
        for i, track in enumerate(start.ground_truth.track_ids)
        if track in end.ground_truth.track_ids
    ]
    still = iou_matrix(objects.boxes, end.ground_truth.boxes)
    moved = iou_matrix(update.detections.boxes, end.ground_truth.boxes)
    assert np.mean([moved[row] for row in rows]) > 1.5 * np.mean([still[row] for row in rows])


def test_dense_flow_keeps_still_objects_where_they_are():
    image = textured_image()
    tracker = create_tracker(TrackerSettings("dense_flow", 2))
    tracker.initialize(image, Detections.from_arrays([[60, 60, 120, 120]], [1], [0]))
    moved = np.roll(image, 2, 1)  # less than the paper's 5 px
    np.testing.assert_array_equal(tracker.update(moved).detections.boxes[0], [60, 60, 120, 120])


@pytest.mark.parametrize("seed", range(20))
def test_flow_of_all_boxes_is_that_of_each_box_by_definition(seed):
    rng = np.random.default_rng(seed)
    width, height = 120, 90
    centres = rng.uniform(-20, [width + 20, height + 20], (15, 2))
    sides = rng.uniform(0.1, 60, (15, 2))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1).astype(np.float32)
    flow = rng.normal(rng.uniform(-3, 3), rng.uniform(0, 6), (height, width, 2)).astype(np.float32)
    points, box = _grid_points(boxes, width, height)
    shifts = _typical_motions(flow.reshape(-1, 2)[points], box, len(boxes), 2.5)
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        low_x, low_y = max(int(np.floor(x1)), 0), max(int(np.floor(y1)), 0)
        rows = range(low_y, max(int(np.ceil(y2)), low_y + 1), 4)
        columns = range(low_x, max(int(np.ceil(x2)), low_x + 1), 4)
        inside = [flow[y, x] for y in rows for x in columns if y < height and x < width]
        moving = np.array([motion for motion in inside if np.hypot(*motion) >= 2.5])
        wanted = np.zeros(2)
        if len(moving):
            near = np.abs(moving - moving.mean(axis=0)) <= 2 * moving.std(axis=0) + 1e-6
            inliers = moving[near.all(axis=1)]
            wanted = np.median(inliers if len(inliers) else moving, axis=0)
        np.testing.assert_allclose(shifts[index], wanted, atol=1e-4)
