"""What is known of accuracy before a frame was seen: from a profile, or beside the weights."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import AccuracyPredictor
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.assembly.tasks import NeuralNetwork, Task
from approx_perception.branches import Space

__all__ = ["known_accuracy"]


def _beside_weights(network: NeuralNetwork, suffix: str) -> Path | None:
    """File of the same name as the weights, if there is one."""
    if network.weights_path is None:
        return None
    path = network.weights_path.with_suffix(suffix)
    # A link to nowhere is there: reading it says so.
    return path if os.path.lexists(path) else None


def _shipped_predictors(network: NeuralNetwork, space: Space[Any]) -> PredictorBundle | None:
    """Accuracy by content that ships with the weights, if it is of this network and space."""
    path = _beside_weights(network, ".predictors.json")
    if path is None:
        return None
    bundle = PredictorBundle.load(path)
    fits = bundle.metadata.get("space_hash") == space.hash
    return bundle if fits and bundle.metadata.get("network") == network.fingerprint else None


def known_accuracy(
    bundle: PredictorBundle | None, task: Task, network: NeuralNetwork, space: Space[Any]
) -> tuple[AccuracyPredictor, npt.NDArray[np.float64], str]:
    """Best that is known, the same whatever is in view, and where it comes from, in words."""
    source = "by content, from the profile"
    if bundle is None or bundle.accuracy is None:
        bundle, source = _shipped_predictors(network, space), "by content, as shipped with weights"
    if bundle is not None and bundle.accuracy is not None:
        return bundle.accuracy, bundle.accuracy.agnostic, source
    table = _beside_weights(network, ".accuracy.json")
    predictor, agnostic = task.table_accuracy(space, table)
    source = f"the table {table.name}" if table else "a rule of thumb, for nothing is known of it"
    return predictor, agnostic, source
