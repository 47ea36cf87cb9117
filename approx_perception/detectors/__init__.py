"""Detector families; a new one is one file here (see `registry`)."""

from approx_perception.detectors._base import Detector, DetectorOptions, DetectorSettings
from approx_perception.detectors.registry import detector_names, load_detector

__all__ = [
    "Detector",
    "DetectorOptions",
    "DetectorSettings",
    "detector_names",
    "load_detector",
]
