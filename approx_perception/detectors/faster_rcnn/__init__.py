"""Faster R-CNN of torchvision with shape and proposals set per call."""

from approx_perception.detectors._base import DetectorOptions
from approx_perception.detectors._shipped import SHIPPED_CAUTION, is_shipped
from approx_perception.detectors.faster_rcnn.detector import FasterRCNNDetector
from approx_perception.detectors.faster_rcnn.from_torch.weights import load_weights

__all__ = ["FasterRCNNDetector", "load"]


def load(options: DetectorOptions) -> FasterRCNNDetector:
    """Load the shipped network, torchvision's COCO weights by name, or a state dict."""
    weights = load_weights(options.weights, options.class_names_file)
    detector = FasterRCNNDetector(weights, options.device, options.num_threads, options.precision)
    if weights.path is not None and is_shipped(weights.path):
        detector.caution = SHIPPED_CAUTION
    return detector
