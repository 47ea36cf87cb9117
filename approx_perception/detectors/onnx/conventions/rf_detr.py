"""RF-DETR as its authors export it: shares of the image and logits."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import Candidates, rows_above, scores_are_strange
from approx_perception.detectors.onnx.conventions._base import Convention, Trial

__all__ = ["COCO_IDS", "RFDETR"]

#: Classes of a network that tells those of COCO by their ids, 0 to 90.
COCO_IDS = 91


class RFDETR(Convention):
    """``dets`` (1, N, 4): centre and sides, 0..1; ``labels`` (1, N, classes): logits.

    A query may be of several classes: the best pairs of query and class are taken.
    """

    name = "rf_detr"
    expected = "dets (1, N, 4) and labels (1, N, classes)"
    preparation = Preparation(
        "rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "stretch"
    )
    #: Names of boxes and logits.
    outputs: ClassVar[tuple[str, str]] = ("dets", "labels")

    def __init__(self, class_count: int, boxes_at: int) -> None:
        self.class_count = class_count
        self.coco_count = COCO_IDS if class_count == COCO_IDS else 80
        self._boxes_at = boxes_at

    @classmethod
    def recognise(cls, trial: Trial) -> "RFDETR | None":
        """See `Convention`."""
        boxes, logits = map(trial.of_name, cls.outputs)
        if boxes is None or logits is None or np.ndim(logits) != 3:
            return None
        if len(trial.outputs) != 2 or np.shape(boxes) != (1, logits.shape[1], 4):
            return None
        return cls(logits.shape[2], trial.names.index(cls.outputs[0]))

    def problem(self, outputs: Sequence[Any], size: Size) -> str:
        """See `Convention`."""
        wrong = scores_are_strange(np.asarray(outputs[self._boxes_at], np.float32))
        return wrong and f"its {self.outputs[0]} are no shares of the input: {wrong}"

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        boxes = np.asarray(outputs[self._boxes_at][0], np.float32)
        logits = np.asarray(outputs[1 - self._boxes_at][0], np.float32)
        with np.errstate(over="ignore"):
            scores = np.asarray(1 / (1 + np.exp(-logits)), np.float32).ravel()
        # The network has as many queries as objects are wanted.
        kept = rows_above(scores)
        kept = kept[np.argsort(-scores[kept], kind="stable")][: len(boxes)]
        queries, classes = np.divmod(kept, logits.shape[1])
        centres, halves = boxes[queries, :2], boxes[queries, 2:] / 2
        corners = np.concatenate([centres - halves, centres + halves], axis=1)
        sides = np.array([*size] * 2, np.float32)
        return Candidates(corners * sides, scores[kept], classes)
