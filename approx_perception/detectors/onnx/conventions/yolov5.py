"""YOLOv5 and YOLOv7: three anchors a cell, decoded inside."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import (
    Candidates,
    centres_are_strange,
    grid,
    scores_are_strange,
    strides_of,
    strongest,
)
from approx_perception.detectors.onnx.conventions._base import Convention, Trial
from approx_perception.detectors.onnx.conventions._ultralytics_file import check_task

__all__ = ["YOLOv5"]

_BOX_COLUMNS = 5


class YOLOv5(Convention):
    """(1, 3 cells, 5 + classes): centre and sides in px of the input, objectness, scores.

    Rows go level by level, in each anchor by anchor, in each cell by cell.
    """

    name = "yolov5"
    expected = "(1, 3 cells, 5 + classes), as of YOLOv5 and v7"
    preparation = Preparation(place="centre")
    has_overlaps = True
    rows_a_cell = 3

    def __init__(self, class_count: int, strides: tuple[int, ...]) -> None:
        self.class_count = class_count
        self.multiple = max(strides)
        self.strides = strides

    @classmethod
    def recognise(cls, trial: Trial) -> "YOLOv5 | None":
        """See `Convention`."""
        rows = trial.only_rows
        if rows is None or len(rows) % cls.rows_a_cell or rows.shape[1] <= _BOX_COLUMNS:
            return None
        strides = strides_of(len(rows) // cls.rows_a_cell, trial.size)
        if strides is None:
            return None
        check_task(trial)
        return cls(rows.shape[1] - _BOX_COLUMNS, strides)

    def problem(self, outputs: Sequence[Any], size: Size) -> str:
        """See `Convention`."""
        rows = np.asarray(outputs[0][0], np.float32)
        levels = [grid(size[1], size[0], (stride,)) for stride in self.strides]
        cells, strides = (
            np.concatenate([np.tile(level[part], (self.rows_a_cell, 1)) for level in levels])
            for part in (0, 1)
        )
        return scores_are_strange(rows[:, _BOX_COLUMNS - 1 :]) or centres_are_strange(
            rows[:, :2], cells, strides
        )

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        rows = np.asarray(outputs[0][0], np.float32)
        kept, scores, classes = strongest(rows[:, _BOX_COLUMNS:], rows[:, _BOX_COLUMNS - 1])
        centres, halves = rows[kept, :2], rows[kept, 2:4] / 2
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
        return Candidates(boxes, scores, classes)
