"""Objects as messages of vision_msgs, whose definition is written down here: it may be missing."""

import sys
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from geometry_msgs.msg import PoseWithCovariance
from std_msgs.msg import Header

from approx_perception.ros.ecosystem import label_info
from approx_perception.ros.tasks.detection_messages import detections_2d
from approx_perception.structures import Detections


class Message:
    """Fields with their types, which generated messages insist on, too."""

    fields: ClassVar[dict] = {}

    def __init__(self, **values):
        for name, kind in self.fields.items():
            setattr(self, name, values.pop(name, kind()))
        assert not values

    def __setattr__(self, name, value):
        assert type(value) is self.fields[name], (name, value)
        super().__setattr__(name, value)


def message(name, **fields):
    return type(name, (Message,), {"fields": fields, "__module__": "stand_in.msg._all"})


#: As vision_msgs 4 has them.
Point2D = message("Point2D", x=float, y=float)
Pose2D = message("Pose2D", position=Point2D, theta=float)
BoundingBox2D = message("BoundingBox2D", center=Pose2D, size_x=float, size_y=float)
ObjectHypothesis = message("ObjectHypothesis", class_id=str, score=float)
ObjectHypothesisWithPose = message(
    "ObjectHypothesisWithPose", hypothesis=ObjectHypothesis, pose=PoseWithCovariance
)
Detection2D = message("Detection2D", header=Header, results=list, bbox=BoundingBox2D, id=str)
Detection2DArray = message("Detection2DArray", header=Header, detections=list)
VisionClass = message("VisionClass", class_id=int, class_name=str)
LabelInfo = message("LabelInfo", header=Header, class_map=list, threshold=float)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    module = ModuleType("stand_in.msg")
    for kind in (Detection2D, ObjectHypothesisWithPose, VisionClass):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "stand_in", ModuleType("stand_in"))
    monkeypatch.setitem(sys.modules, "stand_in.msg", module)


def test_each_field_is_where_the_definition_says():
    header = Header(frame_id="camera")
    found = Detections.from_arrays([[10, 20, 40, 60], [0, 0, 5, 5]], [0.75, 0.5], [1, 0], [7, -1])
    array = detections_2d(Detection2DArray, header, found, ("person", "traffic light"))
    assert array.header is header
    first, second = array.detections
    assert (first.id, second.id) == ("7", "")
    assert first.header.frame_id == "camera"
    centre = first.bbox.center
    assert (centre.position.x, centre.position.y, centre.theta) == (25, 40, 0)
    assert (first.bbox.size_x, first.bbox.size_y) == (30, 40)
    (result,) = first.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("traffic light", 0.75)
    assert second.results[0].hypothesis.class_id == "person"


def test_the_pose_in_space_is_unknown():
    found = Detections.from_arrays([[10, 20, 40, 60]], [0.75], [0])
    pose = detections_2d(Detection2DArray, Header(), found, ("a",)).detections[0].results[0].pose
    assert pose.covariance[0] == -1
    assert not np.any(pose.covariance[1:])


def test_labels_have_the_names_of_the_network():
    info = label_info(LabelInfo, ("bolt", "Schraube M8"), 0.3)
    assert [(each.class_id, each.class_name) for each in info.class_map] == [
        (0, "bolt"), (1, "Schraube M8"),
    ]  # fmt: skip
    assert info.threshold == 0.3
