"""Boxes for now, as messages."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import DetectionArray
from std_msgs.msg import Header

from approx_perception.association import Forecast
from approx_perception.association.motion import Course
from approx_perception.branches import Branch
from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.ros.tasks import NODE_TASKS, Published
from approx_perception.structures import SLA, Decision, Detections, Frame, FrameResult, StageTimings

BUILD = NODE_TASKS["detection"].builders["detections_forecast"]
SECOND = 10**9


def published(age_ms, horizon_ms=0.0, image_ns=50 * SECOND):
    found = Detections.from_arrays([[100, 100, 140, 140]], [0.75], [0], [7])
    # 200 px a second to the right, well known.
    forecast = Forecast(found, {7: Course(200.0, 0.0, 0.001, 0.0, 0.001)}, (640, 480), horizon_ms)
    decision = Decision(Branch(160), "detect", True, False, 0.0, 0.0, 0.0, "")
    result = FrameResult(
        image_ns, "camera", 0, found, decision, SLA(50.0), StageTimings(processing_ms=20.0),
        forecast=forecast,
    )  # fmt: skip
    header = Header(frame_id="front")
    header.stamp.sec = image_ns // SECOND
    frame = Frame(np.zeros((480, 640, 3), np.uint8), image_ns)
    return Published(header, frame, result, (), age_ms, ("thing",))


@pytest.mark.parametrize(
    ("age_ms", "horizon_ms", "elapsed_ms"),
    [
        (50.0, 0.0, 50.0),
        (50.0, 100.0, 150.0),
        # No stamp; the stamp of a clock that is ahead; that of an old bag.
        (float("nan"), 0.0, 20.0),
        (-5000.0, 100.0, 120.0),
        (1e9, 0.0, 20.0),
    ],
)
@pytest.mark.parametrize("image_ns", [0, 50 * SECOND])
def test_boxes_are_for_the_time_of_the_stamp(age_ms, horizon_ms, elapsed_ms, image_ns):
    facts = published(age_ms, horizon_ms, image_ns)
    message = BUILD(DetectionArray, facts)
    assert stamp_ns(message.header) == image_ns + round(1e6 * elapsed_ms)
    assert message.header.frame_id == "front"
    (box,) = message.detections
    assert (box.track_id, box.score) == (7, 0.75)
    assert (box.center_x, box.center_y, box.size_x) == pytest.approx(
        (120 + 0.2 * elapsed_ms, 120, 40)
    )
    # The image's own message stays as it is.
    own = NODE_TASKS["detection"].builders["detections"](DetectionArray, facts)
    assert stamp_ns(own.header) == image_ns
    assert own.detections[0].center_x == 120


def test_switched_off_it_tells_why_there_is_none():
    facts = published(50.0)
    off = dataclasses.replace(facts, result=dataclasses.replace(facts.result, forecast=None))
    assert BUILD(DetectionArray, off).startswith("forecast.horizon_ms is -1.0")
