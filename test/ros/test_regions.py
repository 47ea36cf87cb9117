"""Detections of another node as regions to classify, and the images that they are of."""

from unittest.mock import Mock

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import Detection, DetectionArray

from approx_perception.ros.image_pairs import ImagePairs
from approx_perception.ros.regions import REGION_READERS, inside_image, read_regions
from approx_perception.ros.regions_input import RegionsInput
from approx_perception.structures import Frame


def test_images_and_results_are_joined_whichever_comes_first():
    pairs = ImagePairs()
    assert pairs.put_image(1, "one") is None
    assert pairs.put_result(1, "found in one") == ("one", "found in one")
    assert pairs.put_result(2, "found in two") is None
    assert pairs.put_image(2, "two") == ("two", "found in two")
    # Each once.
    assert pairs.put_result(2, "again") is None
    assert (pairs.counts.joined, pairs.counts.images_alone) == (2, 0)


def test_images_that_the_other_node_dropped_are_let_go_and_counted():
    pairs = ImagePairs()
    for stamp in range(1, 6):
        pairs.put_image(stamp, stamp)
    assert pairs.put_result(4, "four") == (4, "four")
    assert pairs.counts.images_alone == 3
    assert pairs.put_result(3, "three") is None
    assert pairs.put_result(5, "five") == (5, "five")


def test_what_waits_is_bounded():
    pairs = ImagePairs()
    for stamp in range(1, 1001):
        assert pairs.put_image(2 * stamp, "image") is None
        assert pairs.put_result(2 * stamp + 1, "result") is None
    assert len(pairs._images) < 20
    assert len(pairs._results) < 100
    assert pairs.counts.images_alone == 1000 - len(pairs._images)
    assert pairs.counts.results_alone == 1000 - len(pairs._results)


def array(*rows):
    return DetectionArray(
        detections=[
            Detection(center_x=x, center_y=y, size_x=w, size_y=h, score=score, track_id=track_id)
            for x, y, w, h, score, track_id in rows
        ]
    )


def regions_of(message, most=32):
    return read_regions(REGION_READERS["approx_perception/msg/DetectionArray"](message), most)


def test_the_most_certain_detections_are_regions():
    message = array(
        (50.0, 40.0, 20.0, 10.0, 0.5, 7), (5.0, 5.0, 4.0, 4.0, 0.9, -1),
        (30.0, 30.0, 2.0, 2.0, 0.1, 3),
    )  # fmt: skip
    regions = regions_of(message, most=2)
    np.testing.assert_array_equal(regions.boxes, [[3, 3, 7, 7], [40, 35, 60, 45]])
    assert regions.track_ids.tolist() == [-1, 7]
    assert (regions.malformed, regions.left_out) == (0, 1)
    assert regions_of(array()).boxes.shape == (0, 4)


def test_what_cannot_be_a_region_is_dropped_and_counted():
    nan, inf = float("nan"), float("inf")
    message = array(
        (nan, 1.0, 2.0, 2.0, 0.5, 1), (1.0, 1.0, inf, 2.0, 0.5, 2), (1.0, 1.0, 0.0, 2.0, 0.5, 3),
        (1.0, 1.0, 2.0, -2.0, 0.5, 4), (9.0, 9.0, 2.0, 2.0, nan, 5), (5.0, 5.0, 2.0, 2.0, 0.1, 6),
    )  # fmt: skip
    regions = regions_of(message)
    assert (regions.track_ids.tolist(), regions.malformed) == ([6, 5], 4)


def test_regions_end_with_the_image():
    regions = regions_of(
        array((0.0, 0.0, 20.0, 20.0, 0.9, 1), (200.0, 5.0, 10.0, 10.0, 0.8, 2),
              (60.0, 20.0, 20.0, 20.0, 0.7, 3))
    )  # fmt: skip
    frame = inside_image(Frame(np.zeros((48, 64, 3), np.uint8), 1), regions)
    np.testing.assert_array_equal(frame.regions, [[0, 0, 10, 10], [50, 10, 64, 30]])
    assert frame.region_ids.tolist() == [1, 3]


def test_detections_outside_the_image_are_told_while_they_come():
    node = Mock()
    node.get_publishers_info_by_topic.return_value = []
    regions = RegionsInput(node, "/found", 32)
    regions.leave_outside(3)
    regions.look_after()
    assert "3 detections on /found lie outside their image" in regions.problems()[0]
    regions.look_after()
    assert regions.problems() == []
    assert regions.values()["detections outside the image"] == "3"
