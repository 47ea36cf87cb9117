"""Dense optical flow from a fixed anchor, as ApproxDet tracks (SenSys 2020).

Deviation from the paper
[1] It never loses an object. Here one whose picture no longer looks like that of the detection
    frame is reported lost.
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

Flow = npt.NDArray[np.float32]


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

    def _start(self, image: Image, boxes: Boxes) -> None:
        self._anchor = image
        self._anchor_boxes = boxes.astype(np.float32)

    def _move(self, image: Image) -> tuple[Boxes, Mask]:
        flow = self._algorithm.calc(self._anchor, image, None)
        min_motion_px = _MIN_MOTION_PX / self._ds
        shifts = np.array([_box_shift(flow, box, min_motion_px) for box in self._anchor_boxes])
        boxes = (self._anchor_boxes + np.tile(shifts, 2)).astype(np.float32)
        grids = (grid_in_boxes(where, _COMPARE_SIDE) for where in (self._anchor_boxes, boxes))
        found = similarity(self._anchor, image, *grids) >= _MIN_SIMILARITY  # [1]
        return boxes, found


def _box_shift(flow: Flow, box: Boxes, min_motion_px: float) -> npt.NDArray[np.float32]:
    """Median of the moving points on a grid inside a box, outliers dropped; 0 if none moves."""
    low = np.maximum(np.floor(box[:2]).astype(int), 0)
    high = np.maximum(np.ceil(box[2:]).astype(int), low + 1)
    points = flow[low[1] : high[1] : _GRID_PX, low[0] : high[0] : _GRID_PX].reshape(-1, 2)
    points = points[np.linalg.norm(points, axis=1) >= min_motion_px]
    if not len(points):
        return np.zeros(2, np.float32)
    deviation = np.abs(points - points.mean(axis=0))
    inliers = points[(deviation <= _OUTLIER_SIGMAS * points.std(axis=0) + 1e-6).all(axis=1)]
    return np.asarray(np.median(inliers if len(inliers) else points, axis=0), np.float32)


def farneback() -> FlowAlgorithm:
    """Farneback's algorithm with OpenCV's usual settings."""
    return cv2.FarnebackOpticalFlow.create(
        numLevels=3, pyrScale=0.5, winSize=15, numIters=3, polyN=5, polySigma=1.2
    )


def dis() -> FlowAlgorithm:
    """Dense inverse search (Kroeger et al. 2016), fastest preset."""
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
