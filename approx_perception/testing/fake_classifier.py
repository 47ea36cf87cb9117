"""A classifier that is quick and known beforehand."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from approx_perception.branches import ClassifierSpace
from approx_perception.classifiers import Classifier, ClassifierSettings
from approx_perception.clock import FakeClock
from approx_perception.kernels.classification import ClassificationKernel

__all__ = ["FakeClassifier", "small_classification_kernel"]

_PAIRS = ((32, 1), (32, 2), (64, 1), (64, 2))


class FakeClassifier(Classifier):
    """Tells which colour a region has most of.

    Parameters
    ----------
    clock
        Is moved by what a batch is to take; None for what it really takes.
    pairs
        Shapes and exits.
    """

    class_names = ("blue", "green", "red")
    description = "fake classifier"
    memory_bytes = 0

    def __init__(
        self, clock: FakeClock | None = None, pairs: Sequence[tuple[int, int]] = _PAIRS
    ) -> None:
        self.pairs = tuple(ClassifierSettings(*pair) for pair in pairs)
        self.complexity_edges = np.arange(20.0, 140.0, 20.0)
        self._clock = clock
        #: How much longer everything takes on the fake clock.
        self.slowdown = 1.0
        self.failing: set[ClassifierSettings] = set()
        self.calls: list[ClassifierSettings] = []

    def ms(self, settings: ClassifierSettings, count: int = 1) -> float:
        """What a batch takes on the fake clock: 1 ms at 32 px and the first exit, and so on.

        Each image more takes half as long as the first one.
        """
        batch = (1 + count) / 2
        return self.slowdown * batch * settings.exit * (settings.shape / 32) ** 2

    def _classify(
        self, batch: npt.NDArray[np.uint8], settings: ClassifierSettings
    ) -> npt.NDArray[np.float32]:
        self.calls.append(settings)
        if settings in self.failing:
            raise RuntimeError("out of memory")
        if self._clock is not None:
            self._clock.advance_ms(self.ms(settings, len(batch)))
        colours = batch.reshape(len(batch), -1, 3).mean(axis=1) + 1.0
        return np.asarray(colours / colours.sum(axis=1, keepdims=True), np.float32)


def small_classification_kernel(clock: FakeClock | None = None) -> ClassificationKernel:
    """Four branches, which take 1, 2, 4 and 8 ms on a fake clock, of a `FakeClassifier`."""
    return ClassificationKernel(FakeClassifier(clock), ClassifierSpace("small", _PAIRS))
