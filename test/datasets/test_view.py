"""Frames seen otherwise: what is in them must move along."""

import numpy as np
import pytest

from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.view import VIEWS, View
from approx_perception.structures import Frame, GroundTruth

SIZE = (160, 120)
BOXES = [[70, 50, 94, 74], [4, 10, 24, 30], [126, 80, 150, 110]]


def painted(boxes=BOXES):
    """Boxes on black, each in a channel of its own as far as there are any."""
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for number, (x1, y1, x2, y2) in enumerate(boxes):
        image[y1:y2, x1:x2, number % 3] = 255
    count = len(boxes)
    truth = GroundTruth(
        np.array(boxes, np.float32), np.zeros(count, np.int64), np.arange(count),
        np.zeros(count, bool),
    )  # fmt: skip
    return LabelledFrame(Frame(image, 5, "paint", 3), truth)


def extent(channel):
    """Box of what is painted in it; the grey around smaller images is darker."""
    rows, columns = np.nonzero(channel > 160)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("view", [*VIEWS, View(True, 1.2), View(True, 0.7)], ids=str)
def test_boxes_stay_on_what_they_are_around(view):
    seen = view.of(painted())
    assert seen.frame.image.shape == (SIZE[1], SIZE[0], 3)
    for box, number in zip(seen.ground_truth.boxes, seen.ground_truth.track_ids, strict=True):
        np.testing.assert_allclose(box, extent(seen.frame.image[..., number]), atol=1)


def test_as_it_is_nothing_changes():
    entry = painted()
    seen = VIEWS[0].of(entry)
    np.testing.assert_array_equal(seen.frame.image, entry.frame.image)
    np.testing.assert_array_equal(seen.ground_truth.boxes, entry.ground_truth.boxes)


def test_mirrored_twice_is_as_it_was():
    entry, mirror = painted(), View(mirrored=True)
    again = mirror.of(mirror.of(entry))
    np.testing.assert_array_equal(again.frame.image, entry.frame.image)
    np.testing.assert_array_equal(again.ground_truth.boxes, entry.ground_truth.boxes)
    assert (again.frame.stamp_ns, again.frame.sequence) == (5, 3)


def test_what_is_cut_off_is_ignored_and_what_is_gone_is_gone():
    # Twice as near, x from 40 to 120 is left: all, three quarters, a quarter, nothing of them.
    entry = painted([[60, 40, 80, 60], [110, 50, 123, 60], [105, 70, 165, 80], [0, 0, 10, 10]])
    truth = View(zoom=2.0).of(entry).ground_truth
    assert truth.track_ids.tolist() == [0, 1, 2]
    assert truth.ignored.tolist() == [False, False, True]
    assert truth.boxes[1].tolist() == [140, 40, 160, 60]


def test_objects_that_leave_the_image_are_told_of_as_they_were():
    entry = painted([[60, 40, 80, 60]])
    boxes = np.array([[-10, 0, 20, 20]], np.float32)
    seen = View(zoom=0.5).of(LabelledFrame(entry.frame, GroundTruth(
        boxes, np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, bool))))  # fmt: skip
    assert seen.ground_truth.boxes.tolist() == [[35, 30, 50, 40]]
    assert seen.ground_truth.ignored.tolist() == [False]


def test_frames_without_ground_truth_are_seen_too():
    seen = View(zoom=1.4).of(LabelledFrame(painted().frame))
    assert seen.ground_truth is None
