"""Classification: one network of many (shape, exit) pairs on every frame, or on regions of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.branches import ClassifierSpace
from approx_perception.classifiers import Classifier, ClassifierSettings
from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels._base import Batch, Kernel, KernelOutput, KernelState, Replay, Trial
from approx_perception.kernels.classification_costs import ClassificationCosts
from approx_perception.kernels.complexity import ComplexitySensor
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.structures import Classification, Decision, Frame, ImageComplexity

__all__ = ["ClassificationKernel", "ClassificationOptions", "ClassificationState"]

Image = npt.NDArray[np.uint8]
Regions = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float32]

#: Regions of a trial: one is the whole image, or a fit could not tell what each more costs.
_TRIED_REGIONS = (1, 4)


@dataclass(frozen=True, slots=True)
class ClassificationOptions:
    """What is looked at and told; may be replaced between two frames.

    Attributes
    ----------
    top_k
        Classes to publish, the likeliest ones.
    smoothing
        Weight of the frames before in an exponential average of the probabilities, 0 (none) to
        below 1.
    region
        Left, upper, right and lower end of what is looked at, as shares of the image, where a
        frame does not name its regions.

    Raises
    ------
    ConfigurationError
        If a value is outside its range.
    """

    top_k: int = 5
    smoothing: float = 0.0
    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise ConfigurationError(f"top_k is {self.top_k}; it must be 1 or more")
        if not 0 <= self.smoothing < 1:
            raise ConfigurationError(
                f"smoothing is {self.smoothing}; it must lie from 0 to 1, 1 excluded"
            )
        x1, y1, x2, y2 = self.region
        if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
            raise ConfigurationError(
                f"region is {list(self.region)}; it must hold x1, y1, x2 and y2 as shares of the "
                "image from 0 to 1, x1 below x2 and y1 below y2"
            )

    def regions_of(self, frame: Frame) -> Regions:
        """``(N, 4)`` x1, y1, x2, y2 in px of what is looked at in a frame."""
        if frame.regions is not None:
            return frame.regions
        height, width = frame.image.shape[:2]
        return np.array([self.region], np.float32) * np.array([width, height] * 2, np.float32)


class ClassificationKernel(Kernel):
    """See `Kernel`.

    Parameters
    ----------
    classifier
        Tells classes.
    space
        Of pairs that the classifier has.

    Raises
    ------
    ConfigurationError
        If it does not have one.
    """

    space: ClassifierSpace

    def __init__(self, classifier: Classifier, space: ClassifierSpace) -> None:
        self._settings = [ClassifierSettings(branch.shape, branch.exit) for branch in space]
        for settings in self._settings:
            classifier.check_settings(settings)
        self.classifier, self.space = classifier, space
        self.class_names, self.description = classifier.class_names, classifier.description
        self.caution = classifier.caution
        self.cost_terms = ClassificationCosts(space)
        self.batched_parts = tuple(range(len(space)))

    @property
    def fingerprint(self) -> str:
        """See `Kernel`; reads the file of the weights."""
        return self.classifier.fingerprint

    def state(self) -> "ClassificationState":
        """See `Kernel`."""
        return ClassificationState(self)

    def classify(self, image: Image, regions: Regions, part: int) -> Probabilities:
        """``(N, C)`` of the regions, all in one batch."""
        return self.classifier.classify(image, regions, self._settings[part])

    def run_together(self, frames: Sequence[tuple[Any, Frame]], part: int) -> list[Any]:
        """See `Kernel`; all regions of all frames in one batch."""
        regions = [state.options.regions_of(frame) for state, frame in frames]
        images = [frame.image for _, frame in frames]
        return self.classifier.classify_together(images, regions, self._settings[part])

    def trials(self, images: Sequence[Image], seed: int = 0) -> Iterator[Trial]:
        """See `Kernel`."""
        size = images[0].shape[1], images[0].shape[0]
        for part, settings in enumerate(self._settings):
            prepare = partial(self.classifier.prepare, settings)
            for position, image in enumerate(images):
                # Every other time, for several regions take long.
                for count in _TRIED_REGIONS[: 1 + position % 2]:
                    content = ImageComplexity(region_count=count)
                    run = partial(self.classify, image, _spread_regions(size, count), part)
                    yield Trial(part, size, content, run, prepare)


def _spread_regions(size: tuple[int, int], count: int) -> Regions:
    """The whole image, or as many upright parts of it."""
    width, height = size
    ends = np.linspace(0, width, count + 1)
    return np.array([[low, 0, high, height] for low, high in pairwise(ends)], np.float32)


class ClassificationState(KernelState):
    """See `KernelState`; the complexity and the averages of one camera."""

    def __init__(self, kernel: ClassificationKernel) -> None:
        #: Replaced, never changed, from any thread; the next frame honours it.
        self.options = ClassificationOptions()
        self._kernel = kernel
        self._complexity = ComplexitySensor(kernel.classifier.complexity_edges)
        self._content = self._complexity.content
        #: Average probabilities by identity; None: what is looked at where nobody names regions.
        self._averages: dict[int | None, Probabilities] = {}

    def reset(self) -> None:
        """See `KernelState`."""
        self._complexity.reset()
        self._content = self._complexity.content
        self._averages = {}

    def sense(self, frame: Frame) -> ImageComplexity:
        """See `KernelState`: complexity of the largest region, told anew when the scene changes."""
        regions = self.options.regions_of(frame)
        if len(regions):
            largest = np.prod(regions[:, 2:] - regions[:, :2], axis=1).argmax()
            if self._complexity.see(frame.image, regions[largest]) and frame.regions is None:
                self._averages = {}
        self._content = replace(self._complexity.content, region_count=len(regions))
        return self._content

    def run(
        self, frame: Frame, decision: Decision, timer: StageTimer, batch: Batch | None = None
    ) -> KernelOutput:
        """See `KernelState`."""
        part = self._kernel.space.index(decision.branch)
        if batch is None:
            with timer.part(part, "classify"):
                probabilities = self._classify(frame, part)
        else:
            timer.charge(part, "classify", batch.ms, batch.size)
            probabilities = batch.found
        output = self._output(frame, probabilities)
        return KernelOutput(output, replace(self._content, is_known=True))

    def replays(self, frames: Sequence[Frame]) -> Iterator[Callable[[], Replay]]:
        """See `KernelState`: each branch is a part, so each runs once a frame."""
        for part in range(len(self._kernel.space)):
            state = ClassificationState(self._kernel)
            state.options = self.options
            contents, outputs = [], []
            for frame in frames:
                contents.append(state.sense(frame))
                outputs.append(state._output(frame, state._classify(frame, part)))
            yield partial(Replay, part, contents, {part: outputs})

    def _classify(self, frame: Frame, part: int) -> Probabilities:
        return self._kernel.classify(frame.image, self.options.regions_of(frame), part)

    def _output(self, frame: Frame, probabilities: Probabilities) -> Classification:
        options = self.options
        if options.smoothing:
            probabilities = self._smoothed(frame, probabilities, options.smoothing)
        ids = None if frame.regions is None else frame.region_ids
        regions = options.regions_of(frame)
        return Classification.of_probabilities(probabilities, regions, options.top_k, ids)

    def _smoothed(self, frame: Frame, probabilities: Probabilities, weight: float) -> Probabilities:
        """Averages with the frames before; as they are for regions without an identity."""
        keys: Sequence[int | None] = [None]
        if frame.regions is not None:
            ids = frame.region_ids
            keys = [-1] * len(frame.regions) if ids is None else ids.tolist()
        before, self._averages = self._averages, {}
        smooth = probabilities.copy()
        for row, key in enumerate(keys):
            if key in before:
                smooth[row] += np.float32(weight) * (before[key] - smooth[row])
            if key != -1:
                self._averages[key] = smooth[row]
        return smooth
