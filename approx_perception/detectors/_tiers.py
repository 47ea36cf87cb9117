"""Several networks of one class list, all resident: the knob ``model``."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from approx_perception.detectors._base import Detector, DetectorSettings
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.structures import Detections

__all__ = ["TieredDetector", "tiers"]

Image = npt.NDArray[np.uint8]


def tiers(weights: str) -> list[str]:
    """Names of networks that are written with commas between; empty for none."""
    return [name.strip() for name in weights.split(",") if name.strip()]


class TieredDetector(Detector):
    """Networks of one family, of which ``DetectorSettings.model`` names one.

    Parameters
    ----------
    detectors
        The worst one first: without a profile, later ones are taken for better.

    Raises
    ------
    ConfigurationError
        If they do not have the same classes.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        first = detectors[0]
        for number, other in enumerate(detectors[1:], 2):
            if other.class_names != first.class_names:
                raise ConfigurationError(
                    f"models 1 and {number} have other classes, "
                    f"{_difference(first.class_names, other.class_names)}; tiers need one class "
                    "list, as --class-names gives to all"
                )
        self.tiers = tuple(detectors)
        self.class_names, self.uses_proposals = first.class_names, first.uses_proposals
        own = [f"{n}: {each.description}" for n, each in enumerate(detectors, 1)]
        self.description = f"{first.description.split()[0]} tiers, {'; '.join(own)}"
        self.device = first.device
        self.runtime, self.precision, self.runtime_reason, self.caution = (
            " and ".join(dict.fromkeys(str(getattr(each, word)) for each in detectors))
            for word in ("runtime", "precision", "runtime_reason", "caution")
        )

    @property
    def fingerprint(self) -> str:
        """See `Detector`."""
        return ", ".join(each.fingerprint for each in self.tiers)

    def told(self) -> dict[str, str]:
        """See `Detector`."""
        return {
            f"{heading} of model {number}": text
            for number, each in enumerate(self.tiers, 1)
            for heading, text in each.told().items()
        }

    def own_shapes(self, shapes: Sequence[int]) -> tuple[int, ...]:
        """See `Detector`; of all models."""
        return tuple(sorted({shape for each in self.tiers for shape in each.own_shapes(shapes)}))

    def input_px(self, shape: int, image_size: tuple[int, int]) -> int:
        """See `Detector`; networks of one family see alike."""
        return self.tiers[0].input_px(shape, image_size)

    def check_settings(self, settings: DetectorSettings) -> None:
        """See `Detector`."""
        detector, own = self._chosen(settings)
        detector.check_settings(own)

    def _chosen(self, settings: DetectorSettings) -> tuple[Detector, DetectorSettings]:
        count = len(self.tiers)
        if settings.model is None or not 1 <= settings.model <= count:
            raise ConfigurationError(
                f"the knob model is {settings.model}; the weights name {count} networks, choose "
                f"{choices(range(1, count + 1))}"
            )
        return self.tiers[settings.model - 1], replace(settings, model=None)

    def prepare(self, image: Image, settings: DetectorSettings) -> None:
        """See `Detector`."""
        detector, own = self._chosen(settings)
        detector.prepare(image, own)

    def _detect(self, image: Image, settings: DetectorSettings) -> Detections:
        detector, own = self._chosen(settings)
        return detector.detect(image, own)

    def _detect_together(
        self, images: Sequence[Image], settings: DetectorSettings
    ) -> list[Detections]:
        detector, own = self._chosen(settings)
        return detector.detect_together(images, own)


def _difference(first: Sequence[str], other: Sequence[str]) -> str:
    """Say where two lists of names part: most are alike but for a few, or for their number."""
    if len(first) != len(other):
        return f"{len(first)} and {len(other)}"
    index = next(i for i, pair in enumerate(zip(first, other, strict=True)) if pair[0] != pair[1])
    return f"class {index} is {shown(first[index])} and {shown(other[index])}"
