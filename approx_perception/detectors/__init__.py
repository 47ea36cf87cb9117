"""Detector families; a new one is one file here (see `registry`)."""

from approx_perception.detectors._base import Detector, DetectorOptions, DetectorSettings
from approx_perception.detectors._border import malformed_sentence
from approx_perception.detectors.registry import (
    DEFAULT_DETECTOR,
    check_detector,
    detector_names,
    family_for,
    load_detector,
)

__all__ = [
    "DEFAULT_DETECTOR",
    "Detector",
    "DetectorOptions",
    "DetectorSettings",
    "check_detector",
    "detector_names",
    "family_for",
    "load_detector",
    "malformed_sentence",
]
