"""Objects carried by their motion to a time after the image: boxes for now, not for then."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.association.motion import Course
from approx_perception.structures import Detections

__all__ = ["Forecast"]

#: Standard deviation of a centre, in sides of the object, above which nobody knows where it is:
#: half a side off, a box overlaps the object by a third (IoU).
_MAX_SPREAD = 0.5
#: Of an object that was seen once.
_UNKNOWN = Course()


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Objects of one frame, and how they move.

    Attributes
    ----------
    detections
        As they are published for the frame.
    courses
        ``{identity: how it moves}`` of objects that were seen in the frame.
    image_size
        Width and height in px.
    horizon_ms
        How long after publishing the boxes are wanted for.
    """

    detections: Detections
    courses: Mapping[int, Course]
    image_size: tuple[int, int]
    horizon_ms: float = 0.0

    def after(self, elapsed_ms: float) -> Detections:
        """Objects so long after the frame, as they are expected, in the same order.

        Boxes move with the velocity that the Kalman filter has of each identity, and keep their
        size; objects without an identity stay where they are. Left out are objects that will have
        left the image, and those whose place is too uncertain by then: uncertainty grows with
        time, and faster for objects that were seen only a few times.
        """
        elapsed_s, kept = elapsed_ms / 1e3, []
        boxes = self.detections.boxes.copy()
        for row, track_id in enumerate(self.detections.track_ids.tolist()):
            course = self.courses.get(track_id, _UNKNOWN)
            if course.spread(elapsed_s) <= _MAX_SPREAD:
                # Not the filter's own box: it lags behind what was seen.
                boxes[row] += np.tile(course.shift_px(elapsed_s), 2)
                kept.append(row)
        carried = replace(self.detections, boxes=boxes).select(np.array(kept, np.intp))
        return carried.select(_in_image(carried, self.image_size))


def _in_image(found: Detections, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """``(N,)`` bool: which boxes are in the image at least in part."""
    return np.asarray(
        ((found.boxes[:, 2:] > 0) & (found.boxes[:, :2] < np.array(size))).all(axis=1)
    )
