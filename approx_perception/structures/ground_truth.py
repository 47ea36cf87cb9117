"""What is really in a frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["GroundTruth"]


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruth:
    """N annotated objects of one frame as parallel arrays.

    Attributes
    ----------
    boxes
        ``(N, 4)`` float32, x1 y1 x2 y2 in px; may leave the image (amodal).
    class_ids
        ``(N,)`` int64, index into the data set's class names.
    track_ids
        ``(N,)`` int64, the same number for the same object throughout a sequence.
    ignored
        ``(N,)`` bool; such an object is neither a hit nor a miss.
    """

    boxes: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    ignored: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def main_object(self) -> int | None:
        """Row of the largest object that is not ignored; None without."""
        kept = np.flatnonzero(~self.ignored)
        if not len(kept):
            return None
        sides = self.boxes[kept, 2:] - self.boxes[kept, :2]
        return int(kept[sides.prod(axis=1).argmax()])

    @property
    def label(self) -> int | None:
        """Class of the whole frame: that of its `main_object`; None without."""
        row = self.main_object
        return None if row is None else int(self.class_ids[row])
