"""What the latencies of classifications depend on."""

import numpy as np
import numpy.typing as npt

from approx_perception.branches import ClassifierSpace
from approx_perception.structures import Content, ImageComplexity

__all__ = ["ClassificationCosts"]

Vector = npt.NDArray[np.float64]


class ClassificationCosts:
    """Cost terms of the parts of a space: see `terms`.

    Parameters
    ----------
    space
        Whose parts they are.
    """

    #: What it takes for one region, for resizing the image, and for each region more; nothing for
    #: none.
    names: tuple[str, ...] = ("constant", "image_mpx", "more_regions")

    content_type: type[Content] = ImageComplexity

    def __init__(self, space: ClassifierSpace) -> None:
        self._part_count = len(space.compiled.parts)

    def __call__(
        self, content: ImageComplexity, image_size: tuple[int, int], profiled_size: tuple[int, int]
    ) -> Vector:
        """``(P, 3)`` terms of the parts, in the order of `names`."""
        if not content.region_count:
            return np.zeros((self._part_count, len(self.names)))
        image_mpx = image_size[0] * image_size[1] / 1e6
        return np.tile([1.0, image_mpx, content.region_count - 1.0], (self._part_count, 1))
