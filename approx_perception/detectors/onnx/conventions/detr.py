"""RT-DETR, D-FINE and DEIM as their authors export them: boxes are ready."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._rows import Candidates, rows_above
from approx_perception.detectors.onnx.conventions._base import Convention, Trial

__all__ = ["DETR"]


class DETR(Convention):
    """The triplet ``labels`` (1, N), ``boxes`` (1, N, 4) and ``scores`` (1, N).

    Boxes are xyxy in px of the size, as (width, height), that the input ``orig_target_sizes``
    names. Here it is the size of the input.
    """

    name = "detr"
    expected = "labels (1, N), boxes (1, N, 4) and scores (1, N), as of RT-DETR, D-FINE and DEIM"
    preparation = Preparation(resize="stretch")

    @classmethod
    def recognise(cls, trial: Trial) -> "DETR | None":
        """See `Convention`."""
        boxes, scores, labels = map(trial.of_name, ("boxes", "scores", "labels"))
        if boxes is None or scores is None or labels is None or np.ndim(boxes) != 3:
            return None
        is_fit = boxes.shape[2] == 4 and boxes.shape[:2] == np.shape(scores) == np.shape(labels)
        result = cls()
        result._places = tuple(trial.names.index(n) for n in ("boxes", "scores", "labels"))
        return result if is_fit else None

    _places: tuple[int, ...]

    def decode(self, outputs: Sequence[Any], size: Size) -> Candidates:
        """See `Convention`."""
        boxes, scores, labels = (outputs[place][0] for place in self._places)
        kept = rows_above(scores)
        return Candidates(
            boxes[kept].astype(np.float32), scores[kept].astype(np.float32),
            labels[kept].astype(np.int64),
        )  # fmt: skip
