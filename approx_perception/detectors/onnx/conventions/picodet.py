"""PicoDet of PaddleDetection, exported with its post-processing; NMS is inside."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import Candidates, rows_above, whole
from approx_perception.detectors.onnx.conventions._base import Convention, Trial

__all__ = ["PicoDet"]


class PicoDet(Convention):
    """Rows (N, 6) of class, score and xyxy, and how many there are (1,).

    The input ``scale_factor`` is what boxes are divided by; here it is 1, so that they are px of
    the input. Colours are as in PaddleDetection's training, which reads RGB.
    """

    name = "picodet"
    expected = "(N, 6) of class, score and corners, and the number of rows (1,), as of Paddle"
    preparation = Preparation(
        "rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "stretch"
    )

    @classmethod
    def recognise(cls, trial: Trial) -> "PicoDet | None":
        """See `Convention`."""
        shapes = trial.shapes
        if len(shapes) != 2 or len(shapes[0]) != 2 or shapes[0][1] != 6 or shapes[1] != (1,):
            return None
        return cls()

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        rows = np.asarray(outputs[0], np.float32)
        rows = rows[: int(outputs[1][0])]
        # Rows without an object are of class -1.
        rows = rows[~(rows[:, 0] < 0)]
        kept = rows_above(rows[:, 1])
        return Candidates(rows[kept, 2:], rows[kept, 1], whole(rows[kept, 0]))
