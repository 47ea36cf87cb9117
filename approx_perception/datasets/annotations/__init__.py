"""Ground truth in files of its own: MOTChallenge, COCO (video) JSON, ImageNet VID XML."""

from approx_perception.datasets.annotations._base import AnnotatedSource, Annotations
from approx_perception.datasets.annotations.coco import CocoAnnotations
from approx_perception.datasets.annotations.imagenet_vid import ImageNetVidAnnotations
from approx_perception.datasets.annotations.mot import MotAnnotations
from approx_perception.datasets.annotations.open import open_annotations
from approx_perception.datasets.annotations.own_detections import (
    OwnDetections,
    is_own_detections,
)

__all__ = [
    "AnnotatedSource",
    "Annotations",
    "CocoAnnotations",
    "ImageNetVidAnnotations",
    "MotAnnotations",
    "OwnDetections",
    "is_own_detections",
    "open_annotations",
]
