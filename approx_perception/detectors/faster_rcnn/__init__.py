"""Faster R-CNN, with shape and proposals set per call."""

from approx_perception.detectors._base import DetectorOptions
from approx_perception.detectors._shipped import SHIPPED_CAUTION, is_shipped
from approx_perception.detectors.faster_rcnn.detector import FasterRCNNDetector
from approx_perception.detectors.faster_rcnn.file import open_file

__all__ = ["FasterRCNNDetector", "load"]


def load(options: DetectorOptions) -> FasterRCNNDetector:
    """Load the shipped network, an exported one, or what can be exported; see `open_file`."""
    detector = FasterRCNNDetector(open_file(options.weights, options.class_names_file), options)
    if detector.weights_path is not None and is_shipped(detector.weights_path):
        detector.caution = SHIPPED_CAUTION
    return detector
