"""Regions of an image to classify, from the detections of another node."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.interface import DETECTIONS_TYPES
from approx_perception.structures import Frame
from approx_perception.structures.boxes import corners

__all__ = ["REGION_READERS", "Regions", "inside_image", "read_regions"]


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """What detections are worth looking at.

    Attributes
    ----------
    boxes
        ``(N, 4)`` float32, x1 y1 x2 y2 in px, the most certain first.
    track_ids
        ``(N,)`` int64, -1 for none.
    malformed
        Detections that were dropped because they cannot be regions: not finite or without extent.
    left_out
        Detections beyond the most that were asked for.
    """

    boxes: npt.NDArray[np.float32]
    track_ids: npt.NDArray[np.int64]
    malformed: int = 0
    left_out: int = 0


#: Centre x y, width, height, score, identity.
_Row = tuple[float, float, float, float, float, int]


def _ours(message: Any) -> Iterable[_Row]:
    for found in message.detections:
        yield (found.center_x, found.center_y, found.size_x, found.size_y, found.score,
               found.track_id)  # fmt: skip


def _vision_msgs(message: Any) -> Iterable[_Row]:
    for found in message.detections:
        box, centre = found.bbox, found.bbox.center.position
        score = max((result.hypothesis.score for result in found.results), default=0.0)
        track_id = int(found.id) if found.id.isdecimal() and len(found.id) < 19 else -1
        yield centre.x, centre.y, box.size_x, box.size_y, score, track_id


#: By the type of the message.
REGION_READERS: dict[str, Callable[[Any], Iterable[_Row]]] = dict(
    zip(DETECTIONS_TYPES, (_ours, _vision_msgs), strict=True)
)


def read_regions(rows: Iterable[_Row], most: int) -> Regions:
    """Sort out what cannot be a region, and keep the ``most`` certain ones."""
    rows = list(rows)
    good = [row for row in rows if all(map(math.isfinite, row[:4])) and row[2] > 0 and row[3] > 0]
    # What has no score comes last.
    good.sort(key=lambda row: -row[4] if math.isfinite(row[4]) else math.inf)
    kept = good[:most]
    boxes = corners(np.array([row[:4] for row in kept], np.float32).reshape(-1, 4))
    track_ids = np.array([row[5] for row in kept], np.int64)
    return Regions(boxes, track_ids, len(rows) - len(good), len(good) - len(kept))


def inside_image(frame: Frame, regions: Regions) -> Frame:
    """Give a frame its regions, cut at the image's edges; those less than a px wide are dropped."""
    height, width = frame.image.shape[:2]
    boxes = np.clip(regions.boxes, 0, np.array([width, height, width, height], np.float32))
    is_there = ((boxes[:, 2:] - boxes[:, :2]) >= 1).all(axis=1)
    return replace(frame, regions=boxes[is_there], region_ids=regions.track_ids[is_there])
