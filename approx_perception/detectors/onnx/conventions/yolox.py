"""YOLOX: an anchor-free one-stage detector, decoded outside or inside.

Decoding after "YOLOX: Exceeding YOLO Series in 2021" (Ge et al.), section 2.2.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import Candidates, grid, strongest
from approx_perception.detectors.onnx.conventions._base import Convention, Trial
from approx_perception.detectors.onnx.conventions._yolox_boxes import (
    BOX_COLUMNS,
    OFFSETS,
    PX,
    is_decoded,
)

__all__ = ["YOLOX"]


class YOLOX(Convention):
    """(1, cells, 5 + classes): box, objectness, scores; cells of strides 8, 16 and 32."""

    name = "yolox"
    expected = "(1, cells, 5 + classes) with cells of strides 8, 16 and 32, as of YOLOX"
    preparation = Preparation("bgr", 1.0)
    has_overlaps = True
    strides = (8, 16, 32)

    def __init__(self, class_count: int, decoded_inside: bool) -> None:
        self.class_count = class_count
        self._is_decoded = decoded_inside
        self.variant = f"here boxes are {PX if decoded_inside else OFFSETS}"

    @classmethod
    def recognise(cls, trial: Trial) -> "YOLOX | None":
        """See `Convention`."""
        rows, (width, height) = trial.only_rows, trial.size
        if rows is None or len(rows) != len(grid(height, width)[0]) or rows.shape[1] <= BOX_COLUMNS:
            return None
        return cls(rows.shape[1] - BOX_COLUMNS, is_decoded(rows, trial.path, trial.size))

    def problem(self, outputs: Sequence[Any], size: Size) -> str:
        """See `Convention`."""
        rows = np.asarray(outputs[0][0], np.float32)
        if is_decoded(rows, Path(), size) != self._is_decoded:
            return "its boxes are decoded at one size and not at another"
        return ""

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        rows = np.asarray(outputs[0][0], np.float32)
        kept, scores, classes = strongest(rows[:, BOX_COLUMNS:], rows[:, BOX_COLUMNS - 1])
        if self._is_decoded:
            centres, halves = rows[kept, :2], rows[kept, 2:4] / 2
        else:
            cells, strides = (table[kept] for table in grid(size[1], size[0]))
            centres = (rows[kept, :2] + cells) * strides
            with np.errstate(over="ignore"):
                halves = np.exp(rows[kept, 2:4]) * strides / 2
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
        return Candidates(boxes, scores, classes)
