"""Other views of labelled frames: mirrored, nearer, farther."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.datasets._base import LabelledFrame
from approx_perception.structures import GroundTruth
from approx_perception.structures.boxes import areas_px2

__all__ = ["VIEWS", "View"]

#: Share of an object that must be left in view to be looked for.
_LEAST_VISIBLE = 0.6
#: Around a smaller image, as networks pad theirs.
_GREY = 114

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class View:
    """A way to see a frame, of the same size.

    Attributes
    ----------
    mirrored
        Left and right swapped.
    zoom
        About the centre: above 1 what is at the edges is cut off, below 1 grey surrounds it.
    """

    mirrored: bool = False
    zoom: float = 1.0

    def of(self, entry: LabelledFrame) -> LabelledFrame:
        """See a frame that way, and what is in it.

        Objects of which less than 60 % are left are to be ignored, and those outside are gone.
        """
        image, truth = entry.frame.image, entry.ground_truth
        size = np.array(image.shape[1::-1])
        boxes = np.zeros((0, 4), np.float32) if truth is None else truth.boxes
        if self.mirrored:
            image = np.ascontiguousarray(image[:, ::-1])
            boxes = boxes * [-1, 1, -1, 1] + [size[0], 0, size[0], 0]
            boxes = boxes[:, [2, 1, 0, 3]]
        if self.zoom != 1:
            image, scale, offset = _zoomed(image, self.zoom)
            boxes = boxes * np.tile(scale, 2) + np.tile(offset, 2)
        frame = replace(entry.frame, image=image)
        if truth is None:
            return LabelledFrame(frame)
        seen = replace(truth, boxes=boxes.astype(np.float32))
        return LabelledFrame(frame, _cut(seen, size) if self.zoom > 1 else seen)


#: The most telling first: as it is, what detection leaves to chance, and objects of other sizes.
VIEWS = (
    View(),
    View(mirrored=True),
    View(zoom=1.2),
    View(zoom=0.8),
    View(zoom=1.4),
    View(zoom=0.7),
)


def _zoomed(
    image: Image, zoom: float
) -> tuple[Image, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Image, and the scale and offset, x and y, of its old coordinates."""
    size = np.array(image.shape[1::-1])
    if zoom > 1:
        cut = np.maximum(np.round(size / zoom).astype(int), 1)
        x, y = (size - cut) // 2
        part = image[y : y + cut[1], x : x + cut[0]]
        scale = size / cut
        pixels = cv2.resize(part, size.tolist(), interpolation=cv2.INTER_LINEAR)
        return pixels.astype(np.uint8, copy=False), scale, -scale * (x, y)
    small = np.maximum(np.round(size * zoom).astype(int), 1)
    x, y = (size - small) // 2
    pixels = np.full_like(image, _GREY)
    pixels[y : y + small[1], x : x + small[0]] = cv2.resize(
        image, small.tolist(), interpolation=cv2.INTER_AREA
    )
    return pixels, small / size, np.array([x, y], np.float64)


def _cut(truth: GroundTruth, size: npt.NDArray[np.int64]) -> GroundTruth:
    """What is left of objects inside an image of that width and height."""
    boxes = truth.boxes.clip(0, np.tile(size, 2)).astype(np.float32)
    left = areas_px2(boxes)
    in_view = left > 0
    ignored = truth.ignored | (left < _LEAST_VISIBLE * areas_px2(truth.boxes))
    return GroundTruth(
        boxes[in_view], truth.class_ids[in_view], truth.track_ids[in_view], ignored[in_view]
    )
