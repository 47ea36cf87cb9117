"""Detections as messages: ours and vision_msgs'."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from std_msgs.msg import Header

from approx_perception.msg import Detection, DetectionArray
from approx_perception.ros.ecosystem import message_of
from approx_perception.structures import Detections, FrameResult
from approx_perception.structures.boxes import centres_and_sides, corners

__all__ = ["detections_2d", "detections_from", "detections_message"]

#: First number of a covariance that is not known.
_UNKNOWN = -1.0


def detections_message(
    header: Header, result: FrameResult, class_names: Sequence[str], age_ms: float
) -> DetectionArray:
    """Build the message of a frame's objects; ``header`` is the image's."""
    message = DetectionArray(header=header, branch=str(result.decision.branch))
    message.processing_ms = result.timings.processing_ms
    message.age_ms = age_ms
    found = result.detections
    source = Detection.DETECTED if result.decision.starts_group else Detection.TRACKED
    rows = centres_and_sides(found.boxes).tolist()
    message.detections = [
        Detection(
            track_id=int(found.track_ids[i]), class_id=class_names[found.class_ids[i]],
            class_index=int(found.class_ids[i]), score=float(found.scores[i]),
            center_x=rows[i][0], center_y=rows[i][1], size_x=rows[i][2], size_y=rows[i][3],
            source=source, age_frames=int(found.ages[i]),
        )
        for i in range(len(found))
    ]  # fmt: skip
    return message


def detections_from(message: DetectionArray) -> Detections:
    """Objects of a message."""
    rows = [(d.center_x, d.center_y, d.size_x, d.size_y) for d in message.detections]
    return Detections.from_arrays(
        corners(np.array(rows, np.float32).reshape(-1, 4)),
        [d.score for d in message.detections],
        [d.class_index for d in message.detections],
        [d.track_id for d in message.detections],
        [d.age_frames for d in message.detections],
    )


def detections_2d(
    array_class: Any, header: Header, found: Detections, class_names: Sequence[str]
) -> Any:
    """``vision_msgs/Detection2DArray``: the image's header, centres in px, identity in ``id``.

    The class and its score are the one hypothesis of each object. Its pose in space is not known:
    the first number of the covariance is -1, as in sensor_msgs. Zeros would claim that it is known.
    """
    single, hypothesis = (
        message_of(array_class, name) for name in ("Detection2D", "ObjectHypothesisWithPose")
    )
    message = array_class(header=header)
    for index, (x, y, width, height) in enumerate(centres_and_sides(found.boxes).tolist()):
        result = hypothesis()
        result.hypothesis.class_id = class_names[found.class_ids[index]]
        result.hypothesis.score = float(found.scores[index])
        result.pose.covariance[0] = _UNKNOWN
        detection = single(header=header, results=[result])
        detection.bbox.center.position.x, detection.bbox.center.position.y = x, y
        detection.bbox.size_x, detection.bbox.size_y = width, height
        track_id = int(found.track_ids[index])
        detection.id = str(track_id) if track_id >= 0 else ""
        message.detections.append(detection)
    return message
