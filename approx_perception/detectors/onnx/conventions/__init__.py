"""Conventions of exporters, those first that are told by more."""

from approx_perception.detectors.onnx.conventions._base import Convention, Trial
from approx_perception.detectors.onnx.conventions.detr import DETR
from approx_perception.detectors.onnx.conventions.end_to_end import EndToEnd
from approx_perception.detectors.onnx.conventions.nanodet import NanoDet
from approx_perception.detectors.onnx.conventions.picodet import PicoDet
from approx_perception.detectors.onnx.conventions.rf_detr import RFDETR
from approx_perception.detectors.onnx.conventions.rtmdet import RTMDet
from approx_perception.detectors.onnx.conventions.torchvision import Torchvision
from approx_perception.detectors.onnx.conventions.transformers import Transformers
from approx_perception.detectors.onnx.conventions.ultralytics import Ultralytics
from approx_perception.detectors.onnx.conventions.yolov5 import YOLOv5
from approx_perception.detectors.onnx.conventions.yolox import YOLOX

__all__ = ["CONVENTIONS", "Convention", "Trial"]

CONVENTIONS: tuple[type[Convention], ...] = (
    DETR, RFDETR, Transformers, RTMDet, PicoDet, Torchvision, EndToEnd, Ultralytics, YOLOv5,
    NanoDet, YOLOX,
)  # fmt: skip
