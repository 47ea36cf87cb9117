"""Classes as messages: ours and vision_msgs'."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from std_msgs.msg import Header

from approx_perception.msg import Classification as ClassificationMessage
from approx_perception.msg import ClassifiedRegion
from approx_perception.ros.ecosystem import message_of
from approx_perception.structures import Classification, FrameResult
from approx_perception.structures.boxes import centres_and_sides, corners

__all__ = ["classification_2d", "classification_from", "classification_message", "region_label"]


def classification_message(
    header: Header, result: FrameResult, class_names: Sequence[str], age_ms: float
) -> ClassificationMessage:
    """Build the message of a frame's classes; ``header`` is the image's."""
    found: Classification = result.output
    message = ClassificationMessage(header=header, branch=str(result.decision.branch))
    message.complexity = int(result.content.category)
    message.processing_ms, message.age_ms = result.timings.processing_ms, age_ms
    places = centres_and_sides(found.regions).tolist()
    message.regions = [
        ClassifiedRegion(
            track_id=int(found.track_ids[row]),
            class_ids=[class_names[index] for index in found.class_ids[row]],
            class_indices=found.class_ids[row].tolist(), scores=found.scores[row].tolist(),
            center_x=x, center_y=y, size_x=width, size_y=height,
        )
        for row, (x, y, width, height) in enumerate(places)
    ]  # fmt: skip
    return message


def classification_from(message: ClassificationMessage) -> Classification:
    """Classes of a message; all its regions have equally many."""
    rows = message.regions
    if not rows:
        return Classification.empty()
    places = [(row.center_x, row.center_y, row.size_x, row.size_y) for row in rows]
    return Classification(
        np.array([row.class_indices for row in rows], np.int64),
        np.array([row.scores for row in rows], np.float32),
        corners(np.array(places, np.float32)),
        np.array([row.track_id for row in rows], np.int64),
    )


def classification_2d(
    kind: Any, header: Header, found: Classification, class_names: Sequence[str]
) -> Any:
    """``vision_msgs/Classification`` of the whole image; for objects in it, why there is none."""
    if len(found) != 1 or found.track_ids[0] >= 0:
        return "vision_msgs/Classification has no place for objects in an image"
    hypothesis = message_of(kind, "ObjectHypothesis")
    message = kind(header=header)
    message.results = [
        hypothesis(class_id=class_names[index], score=float(score))
        for index, score in zip(found.class_ids[0], found.scores[0], strict=True)
    ]
    return message


def region_label(found: Classification, row: int, class_names: Sequence[str]) -> str:
    """Identity where there is one, likeliest class and its score: ``#45 car 64 %``."""
    track_id = int(found.track_ids[row])
    identity = f"#{track_id} " if track_id >= 0 else ""
    return f"{identity}{class_names[found.class_ids[row, 0]]} {100 * found.scores[row, 0]:.0f} %"
