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
    ``ds`` and boxes in its px.

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
        sides = detections.boxes[:, 2:] - detections.boxes[:, :2]
        self._lost = np.any(sides < _MIN_SIDE_PX, axis=1)
        if len(detections):
            self._start(self._shrink(image), detections.boxes / np.float32(self._ds))

    def update(self, image: Image) -> TrackerUpdate:
        """Move all objects to where they are in the next image of the same size."""
        if len(self._detections) and not self._lost.all():
            boxes, found = self._move(self._shrink(image))
            boxes = boxes * np.float32(self._ds)
            self._lost = self._lost | ~found | _out_of_view(boxes, image.shape[1], image.shape[0])
            boxes = np.where(self._lost[:, None], self._detections.boxes, boxes)
            self._detections = replace(self._detections, boxes=boxes.astype(np.float32))
        self._detections = replace(self._detections, ages=self._detections.ages + 1)
        return TrackerUpdate(self._detections, self._lost.copy())

    def _shrink(self, image: Image) -> Image:
        if not self.uses_colour:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if self._ds == 1:
            return image
        size = max(image.shape[1] // self._ds, 1), max(image.shape[0] // self._ds, 1)
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)

    @abstractmethod
    def _start(self, image: Image, boxes: Boxes) -> None:
        """Take ``(N, 4)`` boxes, N > 0, of an image."""

    @abstractmethod
    def _move(self, image: Image) -> tuple[Boxes, Mask]:
        """Return all N boxes in the next image and which of them were found."""


def _out_of_view(boxes: Boxes, width: int, height: int) -> Mask:
    """Tell which boxes have their centre outside the image, or no extent."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    outside = (centres < 0) | (centres > np.array([width, height]))
    small = boxes[:, 2:] - boxes[:, :2] < _MIN_SIDE_PX / 2
    broken = ~np.isfinite(boxes).all(axis=1)
    return np.asarray(outside.any(axis=1) | small.any(axis=1) | broken)
