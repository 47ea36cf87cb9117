"""RT-DETR, D-FINE and RF-DETR as Hugging Face's optimum and Transformers.js export them."""

from approx_perception.detectors.onnx._preparation import Preparation
from approx_perception.detectors.onnx.conventions.rf_detr import COCO_IDS, RFDETR

__all__ = ["Transformers"]


class Transformers(RFDETR):
    """``pred_boxes`` (1, N, 4): centre and sides, 0..1; ``logits`` (1, N, classes).

    With the 91 classes of COCO's ids it is an RF-DETR, which wants ImageNet's mean and deviation;
    of one with other classes that is to be said in `NAME.network.yaml`.
    """

    name = "transformers"
    expected = "pred_boxes (1, N, 4) and logits (1, N, classes), as of Hugging Face's exports"
    preparation = Preparation(resize="stretch")
    outputs = ("pred_boxes", "logits")

    def __init__(self, class_count: int, boxes_at: int) -> None:
        super().__init__(class_count, boxes_at)
        if class_count == COCO_IDS:
            self.preparation = RFDETR.preparation
