"""Detectors of torchvision as torch.onnx exports them; NMS is inside."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import Candidates, rows_above
from approx_perception.detectors.onnx.conventions._base import Convention, Trial

__all__ = ["Torchvision"]


class Torchvision(Convention):
    """Boxes (N, 4) xyxy in px of the input, labels (N,) from 1 on, scores (N,).

    Label 0 is the background, which is left out: class 0 is label 1. The network normalises by
    itself.
    """

    name = "torchvision"
    expected = "boxes (N, 4), labels (N,) and scores (N,), as of torchvision"
    preparation = Preparation(padding=0)
    coco_count = 90

    def __init__(self, boxes_at: int, labels_at: int, scores_at: int) -> None:
        self._places = boxes_at, labels_at, scores_at

    @classmethod
    def recognise(cls, trial: Trial) -> "Torchvision | None":
        """See `Convention`."""
        shapes = trial.shapes
        boxes = [i for i, shape in enumerate(shapes) if len(shape) == 2 and shape[1] == 4]
        lists = [i for i, shape in enumerate(shapes) if len(shape) == 1]
        labels = [i for i in lists if trial.outputs[i].dtype.kind in "iu"]
        scores = [i for i in lists if trial.outputs[i].dtype.kind == "f"]
        if len(shapes) != 3 or not len(boxes) == len(labels) == len(scores) == 1:
            return None
        return cls(boxes[0], labels[0], scores[0])

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        boxes, labels, scores = (np.asarray(outputs[place]) for place in self._places)
        kept = rows_above(scores)
        return Candidates(
            boxes[kept].astype(np.float32), scores[kept].astype(np.float32),
            labels[kept].astype(np.int64) - 1,
        )  # fmt: skip
