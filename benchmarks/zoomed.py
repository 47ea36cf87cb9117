"""Labelled frames as from a camera that zooms, of the same size: nearer, or farther on grey."""

from dataclasses import replace

import cv2
import numpy as np

from approx_perception.datasets import LabelledFrame
from approx_perception.structures import GroundTruth
from approx_perception.structures.boxes import areas_px2

#: Share of an object that must be left in view to be looked for.
LEAST_VISIBLE = 0.6
#: Around a smaller image, as networks pad theirs.
GREY = 114


def zoomed(entry: LabelledFrame, zoom: float) -> LabelledFrame:
    """A frame about its centre; what is in it moves along, and is ignored where it is cut off."""
    if zoom == 1:
        return entry
    image, truth = entry.frame.image, entry.ground_truth
    size = np.array(image.shape[1::-1])
    part = np.maximum(np.round(size * min(zoom, 1 / zoom)).astype(int), 1)
    x, y = (size - part) // 2
    if zoom > 1:
        scale, offset = size / part, -(size / part) * (x, y)
        pixels = cv2.resize(image[y : y + part[1], x : x + part[0]], size.tolist())
    else:
        scale, offset = part / size, np.array([x, y], float)
        pixels = np.full_like(image, GREY)
        pixels[y : y + part[1], x : x + part[0]] = cv2.resize(
            image, part.tolist(), interpolation=cv2.INTER_AREA
        )
    frame = replace(entry.frame, image=pixels)
    if truth is None:
        return LabelledFrame(frame)
    moved = (truth.boxes * np.tile(scale, 2) + np.tile(offset, 2)).astype(np.float32)
    boxes = moved.clip(0, np.tile(size, 2)).astype(np.float32) if zoom > 1 else moved
    ignored = truth.ignored | (areas_px2(boxes) < LEAST_VISIBLE * areas_px2(moved))
    there = areas_px2(boxes) > 0
    seen = boxes[there], truth.class_ids[there], truth.track_ids[there], ignored[there]
    return LabelledFrame(frame, GroundTruth(*seen))
