"""Arithmetic on x1 y1 x2 y2 boxes."""

import numpy as np
import numpy.typing as npt

__all__ = ["Boxes", "areas_px2", "centres_and_sides", "corners", "iou_matrix", "ious"]

Boxes = npt.NDArray[np.float32]


def areas_px2(boxes: Boxes) -> npt.NDArray[np.float32]:
    """``(...)`` areas of ``(..., 4)``; 0 for boxes turned inside out."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def corners(centres_and_sides: npt.NDArray[np.float32]) -> Boxes:
    """Corner boxes of ``(N, 4)`` centre x y, width, height."""
    centres, halves = centres_and_sides[:, :2], centres_and_sides[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def centres_and_sides(boxes: Boxes) -> npt.NDArray[np.float32]:
    """``(N, 4)`` centre x y, width, height of corner boxes."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def ious(first: Boxes, second: Boxes) -> npt.NDArray[np.float32]:
    """``(...)`` intersection over union of ``(..., 4)``, broadcast; 0 where both are empty."""
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    sides = np.maximum(high - low, 0)
    intersection = sides[..., 0] * sides[..., 1]
    union = areas_px2(first) + areas_px2(second) - intersection
    return np.asarray(intersection / np.maximum(union, 1e-9), np.float32)


def iou_matrix(first: Boxes, second: Boxes) -> npt.NDArray[np.float32]:
    """``(N, M)`` of each of ``(N, 4)`` with each of ``(M, 4)``; see `ious`."""
    return ious(first[:, None], second[None])
