"""Training runs by what their networks are for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.training.classification.data import SYNTHETIC, open_training_data
from approx_perception.training.classification.trainer import ClassifierRecipe, ClassifierTrainer
from approx_perception.training.detector_trainer import DetectorTrainer, TrainingRecipe
from approx_perception.training.training_run import TrainingRun

__all__ = ["TRAINERS", "detection_run", "classification_run"]


def detection_run(
    given: Mapping[str, Any], data: str, folder: Path, device: torch.device, workers: int
) -> TrainingRun[Any]:
    """A detector, on synthetic video drawn while it trains; see `TRAINERS`."""
    if data != SYNTHETIC:
        raise ConfigurationError(
            f"detectors are trained on synthetic video only; {shown(data)} cannot be used"
        )
    return DetectorTrainer(TrainingRecipe(**given), folder, device, workers)


def classification_run(
    given: Mapping[str, Any], data: str, folder: Path, device: torch.device, workers: int
) -> TrainingRun[Any]:
    """A classifier, on images that are read or drawn first; see `TRAINERS`."""
    recipe = ClassifierRecipe(**given)
    opened = open_training_data(data, folder / "data", workers)
    return ClassifierTrainer(recipe, opened, folder, device)


#: By task: a run with the recipe's values that are given, on data, in a folder, on a device, with
#: processes that draw.
TRAINERS = {"detection": detection_run, "classification": classification_run}
