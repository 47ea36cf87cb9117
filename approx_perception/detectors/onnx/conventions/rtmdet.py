"""RTMDet as mmdeploy exports it; NMS is inside."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.detectors.onnx._preparation import IMAGENET_BGR, Size
from approx_perception.detectors.onnx._rows import Candidates, rows_above
from approx_perception.detectors.onnx.conventions._base import Convention, Trial

__all__ = ["RTMDet"]


class RTMDet(Convention):
    """``dets`` (1, N, 5): xyxy in px of the input, and score; ``labels`` (1, N)."""

    name = "rtmdet"
    expected = "dets (1, N, 5) and labels (1, N), as of mmdeploy"
    preparation = IMAGENET_BGR

    def __init__(self, boxes_at: int) -> None:
        self._boxes_at = boxes_at

    @classmethod
    def recognise(cls, trial: Trial) -> "RTMDet | None":
        """See `Convention`."""
        boxes, labels = trial.of_name("dets"), trial.of_name("labels")
        if boxes is None or labels is None or np.ndim(labels) != 2 or np.ndim(boxes) != 3:
            return None
        if boxes.shape[2] == 6:
            raise trial.refusal(
                "it gives oriented boxes (x, y, width, height, angle, score), which are not "
                "supported; export a network of upright boxes"
            )
        if boxes.shape != (*labels.shape, 5):
            return None
        return cls(trial.names.index("dets"))

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        rows = np.asarray(outputs[self._boxes_at][0], np.float32)
        kept = rows_above(rows[:, 4])
        classes = np.asarray(outputs[1 - self._boxes_at][0])[kept].astype(np.int64)
        return Candidates(rows[kept, :4], rows[kept, 4], classes)
