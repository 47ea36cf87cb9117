"""What every classifier family offers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.detectors import DetectorOptions
from approx_perception.detectors._border import inference
from approx_perception.exceptions import ConfigurationError, InferenceError, WeightsError, choices
from approx_perception.files import file_sha256

__all__ = ["Classifier", "ClassifierOptions", "ClassifierSettings", "crop"]

#: How a user names the network to load: the same as for a detector.
ClassifierOptions = DetectorOptions

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, order=True)
class ClassifierSettings:
    """Knobs of one classification.

    Attributes
    ----------
    shape
        Side of the network's input in px.
    exit
        Where the network is left; counts from 1, the last one is the whole network.
    """

    shape: int
    exit: int

    def __str__(self) -> str:
        return f"shape={self.shape},exit={self.exit}"


class Classifier(ABC):
    """A network whose branches are all resident: a switch loads nothing.

    Called by the pipeline on each frame and by the calibration at start, always from one thread
    at a time. A family writes `_classify`; images are cut and resized, and errors of its runtime
    turned into one type, here for all families.

    Attributes
    ----------
    class_names
        What class ids mean.
    pairs
        What it can do, in a stable order.
    complexity_edges
        ``(COMPLEXITY_CATEGORIES - 1,)`` float64, rising: bounds of a frame's edge energy between
        categories, learned on the training set.
    description
        Network, weights and device, for humans and result files.
    weights_path
        File of the weights, beside which tables about them lie; None for one without a file.
    runtime, device, precision
        What runs it, on what, and in what numbers.
    runtime_reason
        Why that runtime and precision, in words; empty where nothing was to choose.
    caution
        What a user of real images must know of the network; empty for nothing.
    """

    class_names: tuple[str, ...]
    pairs: tuple[ClassifierSettings, ...]
    complexity_edges: npt.NDArray[np.float64]
    description: str
    weights_path: Path | None = None
    runtime: str = "torch"
    device: str = "cpu"
    precision: str = "float32"
    runtime_reason: str = ""
    caution: str = ""

    def classify(self, image: Image, regions: Array, settings: ClassifierSettings) -> Array:
        """Tell what is in regions of an image, all of them in one batch.

        Parameters
        ----------
        image
            ``(H, W, 3)`` uint8, BGR; must not be written to.
        regions
            ``(N, 4)`` float32, x1 y1 x2 y2 in px; cut to the image.
        settings
            Knobs of this call; any that `check_settings` accepts, in any order.

        Returns
        -------
        ``(N, C)`` float32
            Probabilities of the classes, each row sums to 1.

        Raises
        ------
        InferenceError
            If the network failed, or gave what is not finite.
        """
        return self.classify_together([image], [regions], settings)[0]

    def classify_together(
        self, images: Sequence[Image], regions: Sequence[Array], settings: ClassifierSettings
    ) -> list[Array]:
        """Tell what is in regions of several images of any sizes, all of them in one batch.

        Parameters
        ----------
        regions
            Of each image, as `classify` takes them.

        Returns
        -------
        list of ``(N, C)`` float32
            Of each image, the same as `classify` gives within rounding.

        Raises
        ------
        InferenceError
            If the network failed, or gave what is not finite.
        """
        counts = [len(each) for each in regions]
        if not sum(counts):
            return [np.zeros((0, len(self.class_names)), np.float32) for _ in counts]
        batch = np.stack(
            [
                crop(image, region, settings.shape)
                for image, each in zip(images, regions, strict=True)
                for region in each
            ]
        )
        given = inference(
            lambda: self._classify(batch, settings), self.description, images, settings
        )
        if not np.isfinite(given).all():
            raise InferenceError(f"{self.description} gives numbers that are not finite")
        return np.split(given, np.cumsum(counts)[:-1])

    def prepare(self, settings: ClassifierSettings) -> None:  # noqa: B027
        """Get ready for one region at these settings; called before these are timed.

        A family whose runtime compiles graphs for shapes overrides it.
        """

    @abstractmethod
    def _classify(self, batch: Image, settings: ClassifierSettings) -> Array:
        """Probabilities ``(N, C)`` of crops ``(N, shape, shape, 3)`` uint8 BGR, N at least 1."""

    @property
    @abstractmethod
    def memory_bytes(self) -> int:
        """Memory that the weights of all branches take together."""

    @property
    def fingerprint(self) -> str:
        """Family and weights, for telling whether a profile is of this network."""
        family = self.description.split()[0]
        if self.weights_path is None:
            return f"{family} without a weights file"
        return f"{family} {file_sha256(self.weights_path, 'weights file', WeightsError)[:16]}"

    def told(self) -> dict[str, str]:
        """What the weights were taken for and why, by heading; a family that knows overrides it."""
        return {}

    def check_settings(self, settings: ClassifierSettings) -> None:
        """Refuse knobs that this classifier cannot honour.

        Raises
        ------
        ConfigurationError
            Naming the knob and what would do.
        """
        if settings in self.pairs:
            return
        shapes = sorted({pair.shape for pair in self.pairs})
        if settings.shape not in shapes:
            raise ConfigurationError(
                f"{self.description} has no shape {settings.shape}; choose {choices(shapes)}"
            )
        exits = sorted(pair.exit for pair in self.pairs if pair.shape == settings.shape)
        raise ConfigurationError(
            f"{self.description} has no exit {settings.exit} at shape {settings.shape}; "
            f"choose {choices(exits)}"
        )


def crop(image: Image, region: Array, shape: int) -> Image:
    """Cut a region out of an image and make it a square.

    Parameters
    ----------
    image
        ``(H, W, 3)`` uint8.
    region
        ``(4,)`` x1 y1 x2 y2 in px; what lies outside of the image is left out, at least one px
        stays.
    shape
        Side of the square in px; proportions are not kept.

    Returns
    -------
    ``(shape, shape, 3)`` uint8
    """
    # Only here: names of families are asked for where nothing is classified.
    import cv2

    height, width = image.shape[:2]
    limits = np.array([width, height])
    bounds = np.nan_to_num(np.asarray(region, np.float64))
    low = np.clip(np.floor(bounds[:2]), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(bounds[2:]), low + 1, limits).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    # Halves of halves: as smooth as averages over areas, and several times quicker.
    while min(part.shape[:2]) >= 2 * shape:
        half = (part.shape[1] // 2, part.shape[0] // 2)
        part = cv2.resize(part, half, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(part, (shape, shape), interpolation=cv2.INTER_LINEAR), np.uint8)
