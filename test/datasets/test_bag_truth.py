"""Ground truth from messages as they lie in bags, also several of one stamp."""

from types import SimpleNamespace as Message

import numpy as np
import pytest

from approx_perception.datasets.bag_truth import truth_of_ours, truth_of_vision_msgs
from approx_perception.exceptions import DatasetError


def header(stamp_ns):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return Message(stamp=Message(sec=sec, nanosec=nanosec))


def ours(stamp_ns, *names):
    found = [
        Message(center_x=5.0, center_y=5.0, size_x=4.0, size_y=2.0, class_index=len(name),
                class_id=name, track_id=7, score=1.0)
        for name in names
    ]  # fmt: skip
    return Message(header=header(stamp_ns), detections=found)


def theirs(stamp_ns, *names):
    position = Message(x=5.0, y=5.0)
    found = [
        Message(
            results=[Message(hypothesis=Message(class_id=name, score=1.0))], id=name,
            bbox=Message(center=Message(position=position), size_x=4.0, size_y=2.0),
        )
        for name in names
    ]  # fmt: skip
    return Message(header=header(stamp_ns), detections=found)


def test_arrays_of_vision_msgs_of_one_stamp_add_up():
    """As of a detector that publishes each class by itself."""
    messages = [theirs(10, "cup"), theirs(20, "car", "cup"), theirs(10, "bus", "car")]
    truth, names = truth_of_vision_msgs(messages)
    assert names == ("bus", "car", "cup")
    assert truth.get(10).class_ids.tolist() == [2, 0, 1]
    assert truth.get(20).class_ids.tolist() == [1, 2]
    np.testing.assert_array_equal(truth.get(10).boxes, [[3, 4, 7, 6]] * 3)
    assert truth.get(15) is None


def test_of_our_own_messages_of_one_stamp_the_last_counts():
    truth, names = truth_of_ours([ours(10, "a", "bb"), ours(20), ours(10, "bb")])
    assert names == ("a", "bb")
    assert truth.get(10).class_ids.tolist() == [1]
    assert len(truth.get(20)) == 0
    assert truth.get(5) is None
    assert truth.object_count == 1
    assert truth.missed_by_ns == 5


def test_classes_of_our_messages_go_by_name():
    """A publisher that numbers the names of each image by themselves."""
    first, second = ours(10, "car", "bus"), ours(20, "bus", "car")
    for array in (first, second):
        for number, found in enumerate(array.detections):
            found.class_index = number
    truth, names = truth_of_ours([first, second])
    assert [names[i] for i in truth.get(10).class_ids] == ["car", "bus"]
    assert [names[i] for i in truth.get(20).class_ids] == ["bus", "car"]
    nameless = ours(10, "x", "y")
    for number, found in enumerate(nameless.detections):
        found.class_index, found.class_id = 3 * number, ""
    assert truth_of_ours([nameless])[1] == ("0", "3")


@pytest.mark.parametrize("size", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("read", [truth_of_ours, truth_of_vision_msgs])
def test_boxes_that_are_none(read, size):
    array = (ours if read is truth_of_ours else theirs)(20, "car", "bus")
    getattr(array.detections[1], "bbox", array.detections[1]).size_x = size
    with pytest.raises(DatasetError, match=r"at the stamp 20 ns, the ground truth has the box"):
        read([ours(10, "car") if read is truth_of_ours else theirs(10, "car"), array])
