"""Classifier families; a new one is one file here (see `registry`)."""

from approx_perception.classifiers._base import (
    Classifier,
    ClassifierOptions,
    ClassifierSettings,
)
from approx_perception.classifiers.registry import (
    DEFAULT_CLASSIFIER,
    check_classifier,
    classifier_names,
    load_classifier,
)

__all__ = [
    "DEFAULT_CLASSIFIER",
    "Classifier",
    "ClassifierOptions",
    "ClassifierSettings",
    "check_classifier",
    "classifier_names",
    "load_classifier",
]
