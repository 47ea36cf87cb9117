"""Ultralytics' networks without NMS (v10, YOLO26), and its exports with NMS inside."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import Candidates, rows_above, strides_of, whole
from approx_perception.detectors.onnx.conventions._base import Convention, Trial
from approx_perception.detectors.onnx.conventions._ultralytics_file import check_task, stride_of

__all__ = ["EndToEnd"]


class EndToEnd(Convention):
    """Rows (1, N, 6): xyxy in px of the input, score, class."""

    name = "end_to_end"
    expected = "(1, N, 6) of corners, score and class"
    preparation = Preparation(place="centre")

    @classmethod
    def recognise(cls, trial: Trial) -> "EndToEnd | None":
        """See `Convention`; N is the same at any size, so not the number of cells."""
        rows = trial.only_rows
        if rows is None or rows.shape[1] != 6 or strides_of(len(rows), trial.size):
            return None
        if len(rows) % 3 == 0 and strides_of(len(rows) // 3, trial.size):
            return None
        check_task(trial)
        result = cls()
        result.multiple = stride_of(trial.metadata)
        return result

    def problem(self, outputs: Sequence[Any], size: Size) -> str:
        """See `Convention`."""
        scores, classes = outputs[0][0][:, 4], outputs[0][0][:, 5]
        if not ((scores >= 0) & (scores <= 1.01) & (classes == np.round(classes))).all():
            return "its last two columns are no scores and whole numbers of classes"
        return ""

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        rows = np.asarray(outputs[0][0], np.float32)
        rows = rows[rows_above(rows[:, 4])]
        return Candidates(rows[:, :4], rows[:, 4], whole(rows[:, 5]))
