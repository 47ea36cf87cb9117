"""What every tracker offers, and what all have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.structures import Detections
from approx_perception.structures.boxes import Boxes

__all__ = ["Tracker", "TrackerUpdate"]

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

#: A box with a side below this, in px of the full image, cannot be followed.
_MIN_SIDE_PX = 4.0
#: On smaller images, once shrunk, OpenCV's algorithms fail; some take the process with them.
_MIN_IMAGE_SIDE_PX = 16
#: A box this many times as large as the image is no object.
_LARGEST_SHARE = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class TrackerUpdate:
    """Where the objects went.

    Attributes
    ----------
    detections
        All N objects given to `Tracker.initialize`, in that order, with moved boxes.
    lost
        ``(N,)`` bool; a lost object's box means nothing, and it stays lost until the next
        `Tracker.initialize`.
    """

    detections: Detections
    lost: Mask


class Tracker(ABC):
    """Follow the objects of a detection frame through the frames after it.

    Called by the pipeline: `initialize` on each detection frame, `update` on each frame
    between. All objects go in one call. Subclasses see an image that is already shrunk by
    ``ds``, and boxes in its px of those objects that can be followed: their centre is in the
    image, and they are neither tiny nor far larger than it. Others are lost from the start.

    Parameters
    ----------
    ds
        Down-sampling: images are shrunk by this factor first.
    """

    #: Whether `_start` and `_move` get a ``(H, W, 3)`` BGR image in place of a grey one.
    uses_colour = False

    def __init__(self, ds: int) -> None:
        self._ds = ds
        self._detections = Detections.empty()
        #: ``(M,)`` rows of the objects that could be followed at first, and whether they are lost.
        self._rows = np.zeros(0, np.intp)
        self._lost: Mask = np.zeros(0, bool)

    def initialize(self, image: Image, detections: Detections) -> None:
        """Start over with new objects.

        Parameters
        ----------
        image
            ``(H, W, 3)`` uint8, BGR; not written to.
        detections
            Objects in it; none is fine.
        """
        self._detections = detections
        height, width = image.shape[:2]
        hopeless = _is_hopeless(detections.boxes, width, height, _MIN_SIDE_PX)
        if min(width, height) // self._ds < _MIN_IMAGE_SIDE_PX:
            hopeless[:] = True
        self._rows = np.flatnonzero(~hopeless)
        self._lost = np.zeros(len(self._rows), bool)
        if len(self._rows):
            boxes = detections.boxes[self._rows] / np.float32(self._ds)
            self._start(self._shrink(image), boxes)

    def update(self, image: Image) -> TrackerUpdate:
        """Move all objects to where they are in the next image of the same size."""
        boxes = self._detections.boxes
        if not self._lost.all():
            moved, found = self._move(self._shrink(image))
            moved = moved * np.float32(self._ds)
            height, width = image.shape[:2]
            self._lost |= ~found | _is_hopeless(moved, width, height, _MIN_SIDE_PX / 2)
            boxes = boxes.copy()
            boxes[self._rows[~self._lost]] = moved[~self._lost]
        ages = self._detections.ages + 1
        self._detections = replace(self._detections, boxes=boxes, ages=ages)
        lost = np.ones(len(boxes), bool)
        lost[self._rows] = self._lost
        return TrackerUpdate(self._detections, lost)

    def _shrink(self, image: Image) -> Image:
        if not self.uses_colour:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if self._ds == 1:
            return image
        size = max(image.shape[1] // self._ds, 1), max(image.shape[0] // self._ds, 1)
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)

    @abstractmethod
    def _start(self, image: Image, boxes: Boxes) -> None:
        """Take ``(M, 4)`` boxes, M > 0, of an image."""

    @abstractmethod
    def _move(self, image: Image) -> tuple[Boxes, Mask]:
        """Return all M boxes in the next image and which of them were found."""


def _is_hopeless(boxes: Boxes, width: int, height: int, min_side_px: float) -> Mask:
    """Tell which boxes no tracker can follow: not in view, too small, far too large, not finite."""
    size = np.array([width, height], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        sides = boxes[:, 2:] - boxes[:, :2]
        centres = boxes[:, :2] + sides / 2
        # Written so that nan is refused.
        in_view = (centres >= 0) & (centres <= size)
        right_size = (sides >= min_side_px) & (sides <= _LARGEST_SHARE * size.max())
    return np.asarray(~(in_view & right_size).all(axis=1))
