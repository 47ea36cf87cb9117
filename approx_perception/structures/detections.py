"""The objects of one frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Detections"]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects as parallel arrays.

    Built by kernel code only, so shapes are not checked here: use `validated` at the
    border of the package and `empty` for none.

    Attributes
    ----------
    boxes
        ``(N, 4)`` float32, x1 y1 x2 y2 in px of the full image.
    scores
        ``(N,)`` float32 in 0..1.
    class_ids
        ``(N,)`` int64, index into the detector's class names.
    track_ids
        ``(N,)`` int64, -1 where an object has no identity (yet).
    ages
        ``(N,)`` int64, frames since the detector last saw the object; 0 on a detection.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    ages: npt.NDArray[np.int64]

    @classmethod
    def from_arrays(
        cls,
        boxes: npt.ArrayLike,
        scores: npt.ArrayLike,
        class_ids: npt.ArrayLike,
        track_ids: npt.ArrayLike | None = None,
        ages: npt.ArrayLike | None = None,
    ) -> "Detections":
        """Convert and check arrays from outside.

        Raises
        ------
        ValueError
            Naming expected and actual shape of the first array that does not fit.
        """
        box_array = np.asarray(boxes, np.float32)
        if box_array.size == 0:
            box_array = box_array.reshape(0, 4)
        if box_array.ndim != 2 or box_array.shape[1] != 4:
            raise ValueError(f"boxes have shape {box_array.shape}, expected (N, 4)")
        count = len(box_array)
        columns: dict[str, npt.NDArray[Any]] = {
            "scores": np.asarray(scores, np.float32),
            "class_ids": np.asarray(class_ids, np.int64),
            "track_ids": np.full(count, -1) if track_ids is None else np.asarray(track_ids),
            "ages": np.zeros(count) if ages is None else np.asarray(ages),
        }
        for name, column in columns.items():
            if column.shape != (count,):
                raise ValueError(f"{name} has shape {column.shape}, expected ({count},)")
        return cls(
            box_array,
            columns["scores"],
            columns["class_ids"],
            columns["track_ids"].astype(np.int64),
            columns["ages"].astype(np.int64),
        )

    @classmethod
    def empty(cls) -> "Detections":
        """No objects."""
        return cls.from_arrays(np.zeros((0, 4)), [], [])

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Detections":
        """Objects at ``index`` (positions or a mask), in that order."""
        return Detections(
            self.boxes[index],
            self.scores[index],
            self.class_ids[index],
            self.track_ids[index],
            self.ages[index],
        )

    def with_score(self, minimum: float) -> "Detections":
        """Objects of at least this score, in the same order."""
        return self.select(np.flatnonzero(self.scores >= minimum))

    @staticmethod
    def concatenate(parts: Sequence["Detections"]) -> "Detections":
        """All objects of ``parts``, in order."""
        if not parts:
            return Detections.empty()
        return Detections(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.class_ids for part in parts]),
            np.concatenate([part.track_ids for part in parts]),
            np.concatenate([part.ages for part in parts]),
        )
