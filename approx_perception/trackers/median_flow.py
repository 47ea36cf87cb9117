"""MedianFlow for all objects at once.

After Kalal, Mikolajczyk and Matas, "Forward-Backward Error: Automatic Detection of Tracking
Failures", ICPR 2010. One Lucas-Kanade call each way serves every object.

Deviations from the paper
[1] The points of all objects go through Lucas-Kanade together.
[2] Similarity is measured on patches sampled by one remap, not cut out one by one.
[3] Each call builds the pyramids of its two images, for OpenCV's Python binding takes no ready
    ones. Building them once and calling level by level was tried: pyramids are 0.04 ms of
    1.6 ms at 640x480 and 400 points, and the calls by level cost more than that.
"""

from typing import Any

import cv2
import numpy as np

from approx_perception.structures.boxes import Boxes
from approx_perception.trackers._base import Image, Mask, Tracker
from approx_perception.trackers.patches import Points, grid_in_boxes, similarity

__all__ = ["MedianFlowTracker"]

_GRID_SIDE = 7
_WINDOW_PX = 15
_PYRAMID_LEVELS = 3
_LK_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.03)
_PATCH_RADIUS_PX = 3
#: Kalal et al., section 3: beyond this median residual the tracking has failed.
_MAX_RESIDUAL_PX = 10.0
_MAX_FORWARD_BACKWARD_PX = 10.0
_MIN_SIMILARITY = 0.3
_MIN_POINTS = 4
_SCALE_LIMITS = (0.8, 1.25)


class MedianFlowTracker(Tracker):
    """Median of the reliable points' motion and of the change of their distances."""

    def __init__(self, ds: int) -> None:
        super().__init__(ds)
        self._image: Image = np.zeros((0, 0), np.uint8)
        self._boxes: Boxes = np.zeros((0, 4), np.float32)

    def _start(self, image: Image, boxes: Boxes) -> None:
        self._image = image
        self._boxes = boxes.astype(np.float32)

    def _move(self, image: Image) -> tuple[Boxes, Mask]:
        alive = np.flatnonzero(~self._lost)
        before = grid_in_boxes(self._boxes[alive], _GRID_SIDE)
        after, errors = _forward_backward(self._image, image, before)
        alike = _point_similarity(self._image, image, before, after)
        moved, found = _median_motion(self._boxes[alive], before, after, errors, alike)
        boxes, found_all = self._boxes.copy(), np.zeros(len(self._boxes), bool)
        boxes[alive], found_all[alive] = moved, found
        self._image, self._boxes = image, boxes
        return boxes, found_all


def _forward_backward(first: Image, second: Image, points: Points) -> tuple[Points, Points]:
    """Points in the second image and how far the way back misses, ``(N, P)``; inf if lost."""
    flat = points.reshape(-1, 1, 2)
    window = (_WINDOW_PX, _WINDOW_PX)
    options: dict[str, Any] = {
        "winSize": window,
        "maxLevel": _PYRAMID_LEVELS,
        "criteria": _LK_CRITERIA,
    }
    after, status, _ = cv2.calcOpticalFlowPyrLK(first, second, flat, None, **options)
    back, status_back, _ = cv2.calcOpticalFlowPyrLK(second, first, after, None, **options)
    errors = np.linalg.norm(back - flat, axis=2)
    errors = np.where((status & status_back) == 1, errors, np.inf).astype(np.float32)
    return after.reshape(points.shape), errors.reshape(points.shape[:2])


def _point_similarity(first: Image, second: Image, before: Points, after: Points) -> Points:
    """Normalised cross-correlation of the patches around each point, ``(N, P)``."""
    offsets = np.arange(-_PATCH_RADIUS_PX, _PATCH_RADIUS_PX + 1, 2, dtype=np.float32)
    grid = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(1, -1, 2)
    around = (points.reshape(-1, 1, 2) + grid for points in (before, after))
    return similarity(first, second, *around).reshape(before.shape[:2])


def _masked_median(values: Points, mask: Mask) -> Points:
    """Median of the marked values along the last axis; inf where none is marked."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=-1)
    count = mask.sum(axis=-1, keepdims=True)
    middle = [np.take_along_axis(ordered, k, axis=-1) for k in (np.maximum(count - 1, 0) // 2,
              np.minimum(count // 2, ordered.shape[-1] - 1))]  # fmt: skip
    return np.asarray(((middle[0] + middle[1]) / 2)[..., 0], np.float32)


def _median_scale(before: Points, after: Points, kept: Mask) -> Points:
    """Median ratio of the distances between kept points, ``(N,)``."""
    # At most half of the points are kept: pairs of these alone are a quarter of all.
    most = max(int(kept.sum(axis=1).max(initial=0)), 2)
    order = np.argsort(~kept, axis=1, kind="stable")[:, :most]
    kept = np.take_along_axis(kept, order, axis=1)
    before, after = (np.take_along_axis(p, order[..., None], axis=1) for p in (before, after))
    first, second = np.triu_indices(most, k=1)
    pairs = kept[:, first] & kept[:, second]
    old, new = (np.linalg.norm(p[:, first] - p[:, second], axis=2) for p in (before, after))
    scale = _masked_median(new / np.maximum(old, 1e-3), pairs)
    return np.asarray(np.clip(np.where(np.isfinite(scale), scale, 1.0), *_SCALE_LIMITS))


def _median_motion(
    boxes: Boxes, before: Points, after: Points, errors: Points, alike: Points
) -> tuple[Boxes, Mask]:
    """Move and scale each box by its reliable half of points; tell which could be."""
    valid = np.isfinite(errors)
    typical_error = _masked_median(errors, valid)
    typical_similarity = _masked_median(alike, valid)
    kept = valid & (errors <= typical_error[:, None])
    kept &= alike >= typical_similarity[:, None]
    motions = after - before
    shift = np.stack([_masked_median(motions[..., axis], kept) for axis in (0, 1)], axis=1)
    residual = _masked_median(np.linalg.norm(motions - shift[:, None], axis=2), kept)
    found = (
        (kept.sum(axis=1) >= _MIN_POINTS)
        & (typical_error <= _MAX_FORWARD_BACKWARD_PX)
        & (typical_similarity >= _MIN_SIMILARITY)
        & (residual <= _MAX_RESIDUAL_PX)
    )
    scale = _median_scale(before, after, kept)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + np.where(found[:, None], shift, 0)
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2 * scale[:, None]
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32), found
