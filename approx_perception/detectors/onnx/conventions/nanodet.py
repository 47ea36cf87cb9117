"""NanoDet-Plus: distances to the four sides as distributions over bins.

Li et al., Generalized Focal Loss (NeurIPS 2020), section 3.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.detectors.onnx._preparation import IMAGENET_BGR, Size
from approx_perception.detectors.onnx._rows import (
    Candidates,
    grid,
    scores_are_strange,
    strongest,
)
from approx_perception.detectors.onnx.conventions._base import Convention, Trial

__all__ = ["NanoDet"]

_BINS = 8
_DISTANCE_COLUMNS = 4 * _BINS
Array = npt.NDArray[np.float32]


class NanoDet(Convention):
    """(1, cells, classes + 32): scores, then 8 logits for left, top, right and bottom.

    A distance is the mean of the bins in strides; it counts from the cell's top left corner.
    """

    name = "nanodet"
    expected = "(1, cells, classes + 32) with cells of strides 8 to 64, as of NanoDet-Plus"
    preparation = IMAGENET_BGR
    has_overlaps = True
    strides = (8, 16, 32, 64)

    def __init__(self, class_count: int) -> None:
        self.class_count = class_count

    @classmethod
    def recognise(cls, trial: Trial) -> "NanoDet | None":
        """See `Convention`."""
        rows, (width, height) = trial.only_rows, trial.size
        if rows is None or len(rows) != len(grid(height, width, cls.strides)[0]):
            return None
        classes = rows.shape[1] - _DISTANCE_COLUMNS
        return cls(classes) if classes > 0 else None

    def problem(self, outputs: Sequence[Any], size: Size) -> str:
        """See `Convention`."""
        return scores_are_strange(np.asarray(outputs[0][0][:, : self.class_count], np.float32))

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        rows = np.asarray(outputs[0][0], np.float32)
        kept, scores, classes = strongest(rows[:, : self.class_count])
        logits = rows[kept, self.class_count :].reshape(-1, 4, _BINS)
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        bins = np.arange(_BINS, dtype=np.float32)
        cells, strides = (table[kept] for table in grid(size[1], size[0], self.strides))
        distances = (weights @ bins) / weights.sum(axis=2) * strides
        corners = cells * strides
        boxes = np.concatenate([corners - distances[:, :2], corners + distances[:, 2:]], axis=1)
        return Candidates(boxes, scores, classes)
