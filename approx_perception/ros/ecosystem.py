"""Detections in the messages of others: vision_msgs, Foxglove, image markers, annotated images.

vision_msgs and foxglove_msgs may be missing; their functions take the classes, so that nothing
here imports them.
"""

import array
import importlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from geometry_msgs.msg import Point
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import ImageMarker

from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.annotate import annotate, object_label, status_lines, track_colour
from approx_perception.structures import Detections, FrameResult
from approx_perception.structures.boxes import centres_and_sides

__all__ = [
    "annotated_image",
    "compressed_image",
    "detections_2d",
    "image_annotations",
    "image_marker",
    "label_info",
    "message_class",
]

Pixels = npt.NDArray[np.uint8]

_FONT_PX = 14.0


def message_class(type_name: str) -> Any | None:
    """Class of ``package/msg/Name``; None where the package is not installed."""
    package, _, name = type_name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except ImportError:
        return None


def _message_of(package: Any, name: str) -> Any:
    """Another message class of the package that a message class is from."""
    return getattr(
        importlib.import_module(package.__module__.rpartition(".msg.")[0] + ".msg"), name
    )


def detections_2d(
    array_class: Any, header: Header, found: Detections, class_names: Sequence[str]
) -> Any:
    """``vision_msgs/Detection2DArray``: the image's header, centres in px, identity in ``id``."""
    single, hypothesis = (
        _message_of(array_class, name) for name in ("Detection2D", "ObjectHypothesisWithPose")
    )
    message = array_class(header=header)
    for index, (x, y, width, height) in enumerate(centres_and_sides(found.boxes).tolist()):
        result = hypothesis()
        result.hypothesis.class_id = class_names[found.class_ids[index]]
        result.hypothesis.score = float(found.scores[index])
        detection = single(header=header, results=[result])
        detection.bbox.center.position.x, detection.bbox.center.position.y = x, y
        detection.bbox.size_x, detection.bbox.size_y = width, height
        track_id = int(found.track_ids[index])
        detection.id = str(track_id) if track_id >= 0 else ""
        message.detections.append(detection)
    return message


def label_info(info_class: Any, class_names: Sequence[str], threshold: float) -> Any:
    """``vision_msgs/LabelInfo``: what class indices mean."""
    named = _message_of(info_class, "VisionClass")
    labels = [named(class_id=index, class_name=name) for index, name in enumerate(class_names)]
    return info_class(class_map=labels, threshold=float(threshold))


def image_annotations(
    annotations_class: Any, header: Header, found: Detections, class_names: Sequence[str]
) -> Any:
    """``foxglove_msgs/ImageAnnotations``: a closed line and a label for each object."""
    lines, texts, point, colour = (
        _message_of(annotations_class, name)
        for name in ("PointsAnnotation", "TextAnnotation", "Point2", "Color")
    )
    message = annotations_class()
    for index, (x1, y1, x2, y2) in enumerate(found.boxes.astype(float).tolist()):
        blue, green, red = (part / 255 for part in track_colour(int(found.track_ids[index])))
        own = colour(r=red, g=green, b=blue, a=1.0)
        corners = [point(x=x, y=y) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
        message.points.append(
            lines(timestamp=header.stamp, type=lines.LINE_LOOP, points=corners, thickness=2.0,
                  outline_color=own)
        )  # fmt: skip
        message.texts.append(
            texts(timestamp=header.stamp, position=point(x=x1, y=y1), font_size=_FONT_PX,
                  text=object_label(found, index, class_names), text_color=colour(a=1.0),
                  background_color=own)
        )  # fmt: skip
    return message


def image_marker(header: Header, found: Detections) -> ImageMarker:
    """``visualization_msgs/ImageMarker``: all boxes as one list of lines."""
    message = ImageMarker(header=header, ns="detections", type=ImageMarker.LINE_LIST, scale=2.0)
    for (x1, y1, x2, y2), track_id in zip(
        found.boxes.astype(float).tolist(), found.track_ids.tolist(), strict=True
    ):
        corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))
        blue, green, red = (part / 255 for part in track_colour(track_id))
        for start, end in pairwise(corners):
            message.points += [Point(x=x, y=y) for x, y in (start, end)]
            message.outline_colors += [ColorRGBA(r=red, g=green, b=blue, a=1.0)] * 2
    return message


def annotated_image(
    image: Pixels,
    result: FrameResult,
    class_names: Sequence[str],
    min_score: float,
    caution: str = "",
) -> Pixels:
    """A copy with boxes, identities, the branch, what the frame took, and a caution."""
    decision = result.decision
    lines = status_lines(
        decision.branch, result.timings.processing_ms, result.sla.latency_ms, decision.starts_group
    )
    lines += [caution] if caution else []
    return annotate(image, result.detections, class_names, lines, min_score)


def compressed_image(header: Header, image: Pixels, jpeg_quality: int) -> CompressedImage:
    """``sensor_msgs/CompressedImage`` as JPEG.

    Raises
    ------
    ConfigurationError
        If OpenCV cannot encode it.
    """
    is_done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
    if not is_done:
        raise ConfigurationError(f"cannot encode an image of {image.shape} as JPEG")
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    message.data = array.array("B", encoded.tobytes())
    return message
