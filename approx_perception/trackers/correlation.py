"""KCF, CSRT and MOSSE of OpenCV's contributed modules, one filter an object."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from approx_perception.exceptions import ConfigurationError
from approx_perception.structures.boxes import Boxes
from approx_perception.trackers._base import Image, Mask, Tracker

__all__ = ["CorrelationTracker"]

#: Smaller parts of an image hold nothing to learn.
_MIN_SIDE_PX = 3

_NAMES = {"kcf": "TrackerKCF", "csrt": "TrackerCSRT", "mosse": "TrackerMOSSE"}


def _factory(kind: str) -> Callable[[], Any]:
    """Find OpenCV's constructor, under its legacy name or its newer one."""
    name = f"{_NAMES[kind]}_create"
    for module in (getattr(cv2, "legacy", None), cv2):
        if hasattr(module, name):
            create: Callable[[], Any] = getattr(module, name)
            return create
    raise ConfigurationError(
        f"tracker {kind!r} is not in this OpenCV ({cv2.__version__}); install "
        "opencv-contrib-python-headless or take the tracker out of the space"
    )


class CorrelationTracker(Tracker):
    """Follow each object with its own correlation filter.

    Parameters
    ----------
    kind
        ``kcf``, ``csrt`` or ``mosse``.
    ds
        Down-sampling.
    """

    uses_colour = True

    def __init__(self, kind: str, ds: int) -> None:
        super().__init__(ds)
        self._kind = kind
        self._create = _factory(kind)
        self._filters: list[Any] = []
        self._boxes: Boxes = np.zeros((0, 4), np.float32)

    def _start(self, image: Image, boxes: Boxes) -> None:
        self._boxes = boxes.astype(np.float32)
        self._filters = [self._new_filter(image, box) for box in boxes]

    def _new_filter(self, image: Image, box: Boxes) -> Any:
        """Return a filter for one object, or None if it cannot be learned from the image."""
        height, width = image.shape[:2]
        low = np.clip(np.round(box[:2]), 0, (width, height)).astype(int)
        high = np.clip(np.round(box[2:]), 0, (width, height)).astype(int)
        if (high - low < _MIN_SIDE_PX).any():
            return None
        new = self._create()
        try:
            new.init(image, (*low.tolist(), *(high - low).tolist()))
            if self._kind == "kcf":
                # OpenCV's KCF learns on its first update and finds nothing; so let it be this one.
                new.update(image)
        except cv2.error:
            # CSRT, of long thin boxes: its window leaves the image.
            return None
        return new

    def _move(self, image: Image) -> tuple[Boxes, Mask]:
        found = np.zeros(len(self._boxes), bool)
        for index in np.flatnonzero(~self._lost):
            if self._filters[index] is None:
                continue
            try:
                found[index], (x, y, width, height) = self._filters[index].update(image)
            except cv2.error:
                # As in `_new_filter`: this object is lost, the others go on.
                continue
            if found[index]:
                self._boxes[index] = x, y, x + width, y + height
        return self._boxes.copy(), found
