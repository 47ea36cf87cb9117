"""Ultralytics' YOLOv8, v9, v11 and later with NMS outside."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
from approx_perception.detectors.onnx.conventions._ultralytics_file import (
    check_task,
    is_ultralytics,
)

__all__ = ["Ultralytics"]

_BOX_COLUMNS = 4
Array = npt.NDArray[np.float32]


class Ultralytics(Convention):
    """(1, 4 + classes, cells), or transposed: centre and sides in px of the input, then scores."""

    name = "ultralytics"
    expected = "(1, 4 + classes, cells) or transposed, as of Ultralytics from v8 on"
    preparation = Preparation(place="centre")
    has_overlaps = True

    def __init__(self, class_count: int, is_transposed: bool, strides: tuple[int, ...]) -> None:
        self.class_count = class_count
        self.multiple = max(strides)
        self.strides, self._is_transposed = strides, is_transposed
        self.variant = "here transposed" if is_transposed else ""

    @classmethod
    def recognise(cls, trial: Trial) -> "Ultralytics | None":
        """See `Convention`; transposed only where the file or the user says that it is this."""
        check_task(trial)
        rows = trial.only_rows
        if rows is None:
            return None
        if strides := strides_of(rows.shape[1], trial.size):
            columns, is_transposed = rows.shape[0], False
        elif strides := strides_of(rows.shape[0], trial.size):
            columns, is_transposed = rows.shape[1], True
        else:
            return None
        if columns <= _BOX_COLUMNS:
            return None
        is_said = trial.stated == cls.name or is_ultralytics(trial.metadata)
        if is_transposed and not is_said:  # YOLOX gives such a table, too
            return None
        return cls(columns - _BOX_COLUMNS, is_transposed, strides)

    def _rows(self, outputs: Sequence[Any]) -> Array:
        table = np.asarray(outputs[0][0], np.float32)
        return table if self._is_transposed else table.T

    def row_count(self, outputs: Sequence[Any]) -> int:
        """See `Convention`."""
        return len(self._rows(outputs))

    def problem(self, outputs: Sequence[Any], size: Size) -> str:
        """See `Convention`."""
        rows, (cells, strides) = self._rows(outputs), grid(size[1], size[0], self.strides)
        return scores_are_strange(rows[:, _BOX_COLUMNS:]) or centres_are_strange(
            rows[:, :2], cells, strides
        )

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        rows = self._rows(outputs)
        kept, scores, classes = strongest(rows[:, _BOX_COLUMNS:])
        centres, halves = rows[kept, :2], rows[kept, 2:_BOX_COLUMNS] / 2
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
        return Candidates(boxes, scores, classes)
