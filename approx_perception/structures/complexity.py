"""How hard an image is to classify, as far as its edges tell."""

from dataclasses import dataclass

from approx_perception.structures.content import Content

__all__ = ["COMPLEXITY_CATEGORIES", "ImageComplexity"]

#: ApproxNet, section on the frame complexity estimator.
COMPLEXITY_CATEGORIES = 7


@dataclass(frozen=True, slots=True)
class ImageComplexity(Content):
    """What a classifier knows of the images just before a decision.

    Attributes
    ----------
    category
        0 (easy) to 6 (hard); -1 before an image was seen.
    region_count
        Parts of the image that are looked at.
    """

    category: int = -1
    region_count: int = 1
