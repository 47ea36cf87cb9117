"""Boxes to lay over an image: Foxglove's annotations and image markers."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import ImageMarker

from approx_perception.kernels.annotate import track_colour
from approx_perception.ros.ecosystem import message_of

__all__ = ["image_annotations", "image_marker"]

Boxes = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

_FONT_PX = 14.0


def image_annotations(
    annotations_class: Any, header: Header, boxes: Boxes, track_ids: Ids, labels: Sequence[str]
) -> Any:
    """``foxglove_msgs/ImageAnnotations``: a closed line and a label for each of ``(N, 4)`` boxes.

    ``track_ids`` ``(N,)`` tell the colours.
    """
    lines, texts, point, colour = (
        message_of(annotations_class, name)
        for name in ("PointsAnnotation", "TextAnnotation", "Point2", "Color")
    )
    message = annotations_class()
    rows = zip(boxes.astype(float).tolist(), track_ids.tolist(), labels, strict=True)
    for (x1, y1, x2, y2), track_id, label in rows:
        blue, green, red = (part / 255 for part in track_colour(track_id))
        own = colour(r=red, g=green, b=blue, a=1.0)
        corners = [point(x=x, y=y) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
        message.points.append(
            lines(timestamp=header.stamp, type=lines.LINE_LOOP, points=corners, thickness=2.0,
                  outline_color=own)
        )  # fmt: skip
        message.texts.append(
            texts(timestamp=header.stamp, position=point(x=x1, y=y1), font_size=_FONT_PX,
                  text=label, text_color=colour(a=1.0), background_color=own)
        )  # fmt: skip
    return message


def image_marker(header: Header, boxes: Boxes, track_ids: Ids) -> ImageMarker:
    """``visualization_msgs/ImageMarker``: all ``(N, 4)`` boxes as one list of lines."""
    message = ImageMarker(header=header, ns="boxes", type=ImageMarker.LINE_LIST, scale=2.0)
    for (x1, y1, x2, y2), track_id in zip(
        boxes.astype(float).tolist(), track_ids.tolist(), strict=True
    ):
        corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))
        blue, green, red = (part / 255 for part in track_colour(track_id))
        for start, end in pairwise(corners):
            message.points += [Point(x=x, y=y) for x, y in (start, end)]
            message.outline_colors += [ColorRGBA(r=red, g=green, b=blue, a=1.0)] * 2
    return message
