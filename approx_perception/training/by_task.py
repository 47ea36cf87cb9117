"""Training runs by what their networks are for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.training.classification import data as images_of_classes
from approx_perception.training.classification.trainer import ClassifierRecipe, ClassifierTrainer
from approx_perception.training.detection import data as images_with_boxes
from approx_perception.training.detection.trainer import DetectorTrainer, TrainingRecipe
from approx_perception.training.training_run import SYNTHETIC, TrainingRun

__all__ = ["TRAINERS", "classification_run", "detection_run"]

#: What differs where a detector begins with weights that know other classes.
_FINE_TUNING = {"iterations": 1000, "learning_rate": 1e-3}


def detection_run(
    given: Mapping[str, Any], data: str, folder: Path, device: torch.device, workers: int
) -> TrainingRun[Any]:
    """A detector, on synthetic video drawn while it trains or on a user's images; see `TRAINERS`.

    On images it starts from weights, unless it is told not to: those that ship, or others.
    """
    words = dict(given)
    from_scratch, start = words.pop("from_scratch", False), words.pop("weights", None)
    if from_scratch and start is not None:
        raise ConfigurationError(f"--from-scratch cannot begin with --weights {shown(start)}")
    if start is None and data != SYNTHETIC and not from_scratch:
        start = ""
    if start is not None and "backbone" in words:
        raise ConfigurationError(
            f"--backbone {words['backbone']} is for --from-scratch; weights bring their own"
        )
    usual = {} if start is None else _FINE_TUNING
    opened = images_with_boxes.open_training_data(data, folder / "data")
    recipe = TrainingRecipe(**{**usual, **words, "start": start, "data": opened.name})
    return DetectorTrainer(recipe, opened, folder, device, workers)


def classification_run(
    given: Mapping[str, Any], data: str, folder: Path, device: torch.device, workers: int
) -> TrainingRun[Any]:
    """A classifier, on images that are read or drawn first; see `TRAINERS`."""
    if "weights" in given:
        raise ConfigurationError(
            f"classifiers are trained from scratch; --weights {shown(given['weights'])} is for "
            "detectors"
        )
    recipe = ClassifierRecipe(**{name: given[name] for name in given if name != "from_scratch"})
    opened = images_of_classes.open_training_data(data, folder / "data", workers)
    return ClassifierTrainer(recipe, opened, folder, device)


#: By task: a run with the recipe's values that are given, on data, in a folder, on a device, with
#: processes that draw.
TRAINERS = {"detection": detection_run, "classification": classification_run}
