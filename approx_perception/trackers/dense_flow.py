"""Dense optical flow from a fixed anchor, as ApproxDet tracks (SenSys 2020).

Deviations from the paper
[1] It never loses an object. Here one whose picture no longer looks like that of the detection
    frame is reported lost.
[2] The points of all boxes are one list, worked on at once: box by box a step took longer the
    further objects had moved, up to three times what the flow itself takes.
"""

from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.structures.boxes import Boxes
from approx_perception.trackers._base import Image, Mask, Tracker
from approx_perception.trackers.patches import grid_in_boxes, similarity

__all__ = ["DenseFlowTracker", "FlowAlgorithm"]

_GRID_PX = 4
#: Smaller motions than this, in px of the full image, count as background.
_MIN_MOTION_PX = 5.0
_OUTLIER_SIGMAS = 2.0
_COMPARE_SIDE = 12
_MIN_SIMILARITY = 0.3
#: Its patches are 8 px, on an image that it shrinks by 4 at least.
_DIS_HEIGHT_PX = 32
#: No motion is as far.
_FAR_PX = 1e6

Flow = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class FlowAlgorithm(Protocol):
    """OpenCV's interface of dense optical flow."""

    def calc(self, first: Image, second: Image, flow: None) -> Flow:
        """Return ``(H, W, 2)`` px from ``first`` to ``second``."""
        ...


class DenseFlowTracker(Tracker):
    """Shift each box by the median flow inside it since the detection frame.

    Boxes keep their size. The flow is always from the detection frame (the anchor), so errors
    do not add up, but large motions are beyond it.

    Parameters
    ----------
    algorithm
        Farneback as in the paper, or DIS.
    ds
        Down-sampling.
    """

    def __init__(self, algorithm: FlowAlgorithm, ds: int) -> None:
        super().__init__(ds)
        self._algorithm = algorithm
        self._anchor: Image = np.zeros((0, 0), np.uint8)
        self._anchor_boxes: Boxes = np.zeros((0, 4), np.float32)
        self._points = self._box_of_point = np.zeros(0, np.int64)

    def _start(self, image: Image, boxes: Boxes) -> None:
        self._anchor = image
        self._anchor_boxes = boxes.astype(np.float32)
        height, width = image.shape[:2]
        self._points, self._box_of_point = _grid_points(self._anchor_boxes, width, height)

    def _move(self, image: Image) -> tuple[Boxes, Mask]:
        flow = self._algorithm.calc(self._anchor, image, None)
        motions = flow.reshape(-1, 2)[self._points]
        shifts = _typical_motions(
            motions, self._box_of_point, len(self._anchor_boxes), _MIN_MOTION_PX / self._ds
        )
        boxes = (self._anchor_boxes + np.tile(shifts, 2)).astype(np.float32)
        grids = (grid_in_boxes(where, _COMPARE_SIDE) for where in (self._anchor_boxes, boxes))
        found = similarity(self._anchor, image, *grids) >= _MIN_SIMILARITY  # [1]
        return boxes, found


def _grid_points(boxes: Boxes, width: int, height: int) -> tuple[Indices, Indices]:
    """Points on a grid of 4 px inside each box, box by box.

    Returns
    -------
    points
        ``(P,)`` positions in an image of ``height * width`` px.
    boxes
        ``(P,)`` box of each; those outside the image have none.
    """
    size = np.array([width, height])
    low = np.maximum(np.floor(boxes[:, :2]).astype(np.int64), 0)
    high = np.minimum(np.maximum(np.ceil(boxes[:, 2:]).astype(np.int64), low + 1), size)
    columns, rows = np.maximum(-(-(high - low) // _GRID_PX), 0).T
    counts = columns * rows
    box = np.repeat(np.arange(len(boxes)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column = np.divmod(within, columns[box])
    x, y = low[box, 0] + _GRID_PX * column, low[box, 1] + _GRID_PX * row
    return y * width + x, box


def _typical_motions(motions: Flow, box: Indices, box_count: int, min_motion_px: float) -> Flow:
    """Median of each box's moving points, outliers dropped; 0 where none moves.

    Parameters
    ----------
    motions
        ``(P, 2)`` px, of points box by box.
    box
        ``(P,)`` box of each point, ascending.
    box_count
        N.
    min_motion_px
        Points that move less are background.

    Returns
    -------
    ``(N, 2)`` px.
    """
    moving = np.square(motions).sum(axis=1) >= min_motion_px**2
    points, box = motions[moving].astype(np.float64), box[moving]
    counts = np.maximum(np.bincount(box, minlength=box_count), 1)[:, None]

    def mean(values: Points) -> Points:
        sums = [np.bincount(box, axis, box_count) for axis in values.T]
        return np.stack(sums, axis=1) / counts

    deviations = np.abs(points - mean(points)[box])
    spread = np.sqrt(mean(deviations**2))
    is_inlier = (deviations <= _OUTLIER_SIGMAS * spread[box] + 1e-6).all(axis=1)
    has_inliers = np.bincount(box[is_inlier], minlength=box_count) > 0
    kept = is_inlier | ~has_inliers[box]
    return _medians(points[kept], box[kept], box_count)


def _medians(values: Points, box: Indices, box_count: int) -> Flow:
    """``(N, 2)`` medians of each box's rows of ``(P, 2)`` values; 0 where there are none."""
    counts = np.bincount(box, minlength=box_count)
    starts = np.cumsum(counts) - counts
    # Boxes apart by more than any motion, all are sorted in one go, each in its own place.
    offsets = np.arange(box_count) * _FAR_PX
    ordered = np.sort(values + offsets[box, None], axis=0)
    known = counts > 0
    low = ordered[(starts + (counts - 1) // 2)[known]]
    high = ordered[(starts + counts // 2)[known]]
    medians = np.zeros((box_count, 2), np.float32)
    medians[known] = (low + high) / 2 - offsets[known, None]
    return medians


def farneback() -> FlowAlgorithm:
    """Farneback's algorithm with OpenCV's usual settings."""
    return cv2.FarnebackOpticalFlow.create(
        numLevels=3, pyrScale=0.5, winSize=15, numIters=3, polyN=5, polySigma=1.2
    )


class _DenseInverseSearch:
    """OpenCV's, for images of any height: it ends the process on wide ones lower than 32 px."""

    def __init__(self) -> None:
        self._algorithm = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def calc(self, first: Image, second: Image, flow: None) -> Flow:
        """See `FlowAlgorithm`."""
        height = len(first)
        missing = max(_DIS_HEIGHT_PX - height, 0)
        if missing:
            first, second = (
                cv2.copyMakeBorder(image, 0, missing, 0, 0, cv2.BORDER_REPLICATE)
                for image in (first, second)
            )
        # A copy where rows are cut off: the caller wants them in one piece.
        return np.ascontiguousarray(self._algorithm.calc(first, second, flow)[:height])


def dis() -> FlowAlgorithm:
    """Dense inverse search (Kroeger et al. 2016), fastest preset."""
    return _DenseInverseSearch()
