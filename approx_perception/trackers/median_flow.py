"""MedianFlow for all objects at once.

After Kalal, Mikolajczyk and Matas, "Forward-Backward Error: Automatic Detection of Tracking
Failures", ICPR 2010.

Deviations from the paper
[1] Each object is followed on the halving of the image on which it is small: its points then cost
    the same whatever its size, and large objects are followed better. The points of all objects of
    one halving go through Lucas-Kanade together, on the part of the image around them.
[2] The way back is looked for from where the point was, on one level of the pyramid: a right match
    stays there. It costs a fifth of a search like the one forward, and fewer objects are lost.
[3] Points are compared by the difference that Lucas-Kanade reports, and the whole object by
    normalised cross-correlation on its grid.
[4] The scale is that of the best similarity transform of the points that move alike.

OpenCV's Python binding takes no ready pyramids, so each Lucas-Kanade call builds its own.
"""

import cv2
import numpy as np

from approx_perception.structures.boxes import Boxes
from approx_perception.trackers._base import Image, Mask, Tracker
from approx_perception.trackers.patches import Points, grid_in_boxes, similarity

__all__ = ["MedianFlowTracker"]

_GRID_SIDE = 7
_WINDOW_PX = 9
_PYRAMID_LEVELS = 2
_LK_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 6, 0.05)
#: An object's shorter side is less than twice this on its halving of the image, in px.
_SMALL_SIDE_PX = 16.0
#: Around the points, in px, so that all levels of the pyramid see what they may move to.
_MARGIN_PX = 2 * _WINDOW_PX * 2**_PYRAMID_LEVELS
#: Kalal et al., section 3: beyond this median residual the tracking has failed.
_MAX_RESIDUAL_PX = 10.0
_MAX_FORWARD_BACKWARD_PX = 10.0
_MIN_SIMILARITY = 0.2
_MIN_POINTS = 4
_SCALE_LIMITS = (0.8, 1.25)


class _Halvings:
    """An image, half of it, a quarter of it and so on; each is made when it is asked for first."""

    def __init__(self, image: Image) -> None:
        self._images = [image]

    def __getitem__(self, times: int) -> Image:
        while len(self._images) <= times:
            self._images.append(np.asarray(cv2.pyrDown(self._images[-1]), np.uint8))
        return self._images[times]


class MedianFlowTracker(Tracker):
    """Median of the reliable points' motion and of the change of their distances."""

    def __init__(self, ds: int) -> None:
        super().__init__(ds)
        self._images = _Halvings(np.zeros((0, 0), np.uint8))
        self._boxes: Boxes = np.zeros((0, 4), np.float32)

    def _start(self, image: Image, boxes: Boxes) -> None:
        self._images = _Halvings(image)
        self._boxes = boxes.astype(np.float32)

    def _move(self, image: Image) -> tuple[Boxes, Mask]:
        images, alive = _Halvings(image), np.flatnonzero(~self._lost)
        old = self._boxes[alive]
        halved = _times_to_halve(old)
        before = grid_in_boxes(old, _GRID_SIDE)
        groups = [(k, np.flatnonzero(halved == k)) for k in np.unique(halved).tolist()]
        after = np.empty_like(before)
        errors, differences = np.empty((2, *before.shape[:2]), np.float32)
        for k, rows in groups:
            moved, missed, differences[rows] = _follow(
                self._images[k], images[k], before[rows] / np.float32(2**k)
            )
            after[rows], errors[rows] = moved * np.float32(2**k), missed * np.float32(2**k)
        new, found_alive = _median_motion(old, before, after, errors, differences)
        grid = grid_in_boxes(new, _GRID_SIDE)
        for k, rows in groups:
            grids = (points[rows] / np.float32(2**k) for points in (before, grid))
            found_alive[rows] &= similarity(self._images[k], images[k], *grids) >= _MIN_SIMILARITY
        boxes, found = self._boxes.copy(), np.zeros(len(self._boxes), bool)
        boxes[alive], found[alive] = new, found_alive
        self._images, self._boxes = images, boxes
        return boxes, found


def _times_to_halve(boxes: Boxes) -> np.ndarray:
    """``(N,)`` how often the image is halved for each box."""
    shorter = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
    return np.log2(np.maximum(shorter / _SMALL_SIDE_PX, 1.0)).astype(np.int64)


def _follow(first: Image, second: Image, points: Points) -> tuple[Points, Points, Points]:
    """Find ``(N, P, 2)`` points of the first image in the second.

    Returns
    -------
    after
        ``(N, P, 2)`` where they are in the second image.
    errors
        ``(N, P)`` how far the way back misses, in px; inf where a point is lost.
    differences
        ``(N, P)`` mean absolute difference of the grey values around a point.
    """
    first, second, origin = _around(points, first, second)
    before = (points - origin).reshape(-1, 1, 2)
    window = (_WINDOW_PX, _WINDOW_PX)
    after, status, differences = cv2.calcOpticalFlowPyrLK(
        first, second, before, None, winSize=window, maxLevel=_PYRAMID_LEVELS,
        criteria=_LK_CRITERIA,
    )  # fmt: skip
    back, status_back, _ = cv2.calcOpticalFlowPyrLK(
        second, first, after, before.copy(), winSize=window, maxLevel=0,  # [2]
        criteria=_LK_CRITERIA, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    errors = np.where((status & status_back) == 1, _lengths(back - before), np.float32(np.inf))
    shape = points.shape[:2]
    return after.reshape(points.shape) + origin, errors.reshape(shape), differences.reshape(shape)


def _around(points: Points, first: Image, second: Image) -> tuple[Image, Image, Points]:
    """Both images around the points, and the corner of that part; all where it is tiny."""
    size = np.array(first.shape[::-1])
    flat = points.reshape(-1, 2)
    low = np.clip((flat.min(axis=0) - _MARGIN_PX).astype(int), 0, size)
    # The pyramid of the part has the same pixels then as that of the image.
    low -= low % 2**_PYRAMID_LEVELS
    high = np.clip((flat.max(axis=0) + _MARGIN_PX).astype(int), 0, size)
    if (high - low < _MARGIN_PX).any():
        low, high = np.zeros(2, int), size
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    return first[part], second[part], low.astype(np.float32)


def _lengths(vectors: Points) -> Points:
    """Lengths of ``(..., 2)`` vectors."""
    return np.hypot(vectors[..., 0], vectors[..., 1])


def _masked_median(values: Points, mask: Mask) -> Points:
    """Median of the marked values along the last axis; inf where none is marked."""
    ordered = np.sort(np.where(mask, values, np.float32(np.inf)), axis=-1)
    count = mask.sum(axis=-1, keepdims=True)
    middle = [np.take_along_axis(ordered, k, axis=-1) for k in (np.maximum(count - 1, 0) // 2,
              np.minimum(count // 2, ordered.shape[-1] - 1))]  # fmt: skip
    return np.asarray(((middle[0] + middle[1]) / 2)[..., 0], np.float32)


def _median_motion(
    boxes: Boxes, before: Points, after: Points, errors: Points, differences: Points
) -> tuple[Boxes, Mask]:
    """Move and scale each box by its reliable half of points; tell which could be."""
    valid = np.isfinite(errors)
    typical_error, typical_difference = _masked_median(
        np.stack([errors, differences]), np.stack([valid, valid])
    )
    kept = valid & (errors <= typical_error[:, None])
    kept &= differences <= typical_difference[:, None]
    motions = after - before
    shift = _masked_median(motions.transpose(0, 2, 1), kept[:, None])
    residuals = _lengths(motions - shift[:, None])
    residual = _masked_median(residuals, kept)
    found = (
        (kept.sum(axis=1) >= _MIN_POINTS)
        & (typical_error <= _MAX_FORWARD_BACKWARD_PX)
        & (residual <= _MAX_RESIDUAL_PX)
    )
    scale = _scale(before, after, kept & (residuals <= 2 * residual[:, None]))
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + np.where(found[:, None], shift, 0)
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2 * scale[:, None]
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32), found


def _scale(before: Points, after: Points, kept: Mask) -> Points:
    """``(N,)`` least-squares scale of the kept points about their mean; 1 where none is told."""
    weights = kept[..., None].astype(np.float32)
    counts = np.maximum(weights.sum(axis=1, keepdims=True), 1)
    old, new = (
        (points - (points * weights).sum(axis=1, keepdims=True) / counts) * weights
        for points in (before, after)
    )
    spread = np.einsum("npk,npk->n", old, old)
    scale = np.einsum("npk,npk->n", old, new) / np.maximum(spread, 1e-3)
    return np.asarray(np.clip(np.where(spread > 0, scale, 1.0), *_SCALE_LIMITS), np.float32)
