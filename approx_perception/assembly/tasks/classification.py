"""Classification, assembled."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import AccuracyPredictor
from approx_perception.accuracy.by_category import known_by_category
from approx_perception.assembly.options import KernelOptions
from approx_perception.assembly.tasks._base import Task
from approx_perception.branches import ClassifierSpace
from approx_perception.classifiers import (
    Classifier,
    ClassifierOptions,
    check_classifier,
    load_classifier,
)
from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.kernels.classification import ClassificationKernel, ClassificationOptions

__all__ = ["ClassificationTask", "region_of"]


class ClassificationTask(Task):
    """See `Task`."""

    name = "classification"
    family_word = "classifier"

    def family(self, options: KernelOptions) -> str:
        """See `Task`."""
        check_classifier(options.classifier)
        return options.classifier

    def load(self, options: KernelOptions, num_threads: int) -> Classifier:
        """See `Task`; several files with commas between them are an ensemble that swaps them."""
        family = self.family(options)
        own = ClassifierOptions(
            options.weights, options.class_names_file, options.device, num_threads,
            options.precision, options.runtime,
        )  # fmt: skip
        if "," not in options.weights:
            return load_classifier(family, own)
        # Only here: a baseline, which nothing that runs needs.
        from approx_perception.baselines.model_swapping import SwappingClassifier

        return SwappingClassifier(family, options.weights.split(","), own)

    def fitted(self, space: ClassifierSpace, network: Classifier) -> ClassifierSpace:
        """See `Task`; all pairs of a network that lacks some of the shipped ones."""
        pairs = [(pair.shape, pair.exit) for pair in network.pairs]
        if {(branch.shape, branch.exit) for branch in space} <= set(pairs):
            return space
        return ClassifierSpace(space.name, pairs)

    def kernel(self, network: Classifier, space: ClassifierSpace) -> ClassificationKernel:
        """See `Task`."""
        return ClassificationKernel(network, space)

    def state_options(self, options: KernelOptions) -> ClassificationOptions:
        """See `Task`."""
        return ClassificationOptions(options.top_k, options.smoothing, region_of(options.region))

    def table_accuracy(
        self, space: ClassifierSpace, table: Path | None
    ) -> tuple[AccuracyPredictor, npt.NDArray[np.float64]]:
        """See `Task`."""
        return known_by_category(space, table)


def region_of(text: str) -> tuple[float, float, float, float]:
    """Read ``left,top,right,bottom`` in shares of the image; all of it where the text is empty.

    Raises
    ------
    ConfigurationError
        If it does not hold four numbers; their ranges are checked by `ClassificationOptions`.
    """
    try:
        left, top, right, bottom = map(float, (text or "0,0,1,1").split(","))
    except ValueError as error:
        raise ConfigurationError(
            f"region is {shown(text)}; write left,top,right,bottom as shares of the image from 0 "
            "to 1, such as 0.25,0,0.75,1"
        ) from error
    return left, top, right, bottom
