"""Ground truth in files of its own: MOTChallenge, COCO (video) JSON, XML, YOLO's text."""

from approx_perception.datasets.annotations._base import AnnotatedSource, Annotations
from approx_perception.datasets.annotations.coco import CocoAnnotations
from approx_perception.datasets.annotations.mot import MotAnnotations
from approx_perception.datasets.annotations.open import open_annotations
from approx_perception.datasets.annotations.own_detections import (
    OwnDetections,
    is_own_detections,
)
from approx_perception.datasets.annotations.xml_folder import XmlAnnotations
from approx_perception.datasets.annotations.yolo import YoloAnnotations

__all__ = [
    "AnnotatedSource",
    "Annotations",
    "CocoAnnotations",
    "MotAnnotations",
    "OwnDetections",
    "XmlAnnotations",
    "YoloAnnotations",
    "is_own_detections",
    "open_annotations",
]
