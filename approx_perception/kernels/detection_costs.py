"""What the latencies of detections and trackers depend on."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from approx_perception.branches import BranchSpace
from approx_perception.structures import Content, ContentFeatures

__all__ = ["DetectionCosts", "InputPx"]

Vector = npt.NDArray[np.float64]

#: Pixels that a network sees at a shape, of images of a width and height.
InputPx = Callable[[int, tuple[int, int]], int]


class DetectionCosts:
    """Cost terms of the parts of a space: see `terms`.

    Parameters
    ----------
    space
        Whose parts they are.
    input_px
        The detector's own, see `Detector.input_px`; None if all images are of the aspect that was
        profiled.
    """

    #: A detection costs what goes with the pixels that its network sees, and resizing the image. A
    #: tracker also costs what it takes for each object and its pixels; without objects nothing.
    names: tuple[str, ...] = ("constant", "image_mpx", "object_count", "objects_mpx")

    content_type: type[Content] = ContentFeatures

    def __init__(self, space: BranchSpace, input_px: InputPx | None = None) -> None:
        self._shapes = [setting[0] for setting in space.detector_settings]
        self._part_count = len(space.compiled.parts)
        self._input_px = input_px
        self._seen: tuple[tuple[int, int], tuple[int, int]] | None = None
        self._seen_share = np.ones(len(self._shapes))

    def __call__(
        self, content: ContentFeatures, image_size: tuple[int, int], profiled_size: tuple[int, int]
    ) -> Vector:
        """``(P, 4)`` terms of the parts, in the order of `names`."""
        image_mpx, count = image_size[0] * image_size[1] / 1e6, len(self._shapes)
        terms = np.zeros((self._part_count, len(self.names)))
        terms[:count, 0] = self._share_seen(image_size, profiled_size)
        terms[:count, 1] = image_mpx
        if content.object_count:
            terms[count:] = 1.0, image_mpx, content.object_count, content.total_area_px2 / 1e6
        return terms

    def _share_seen(self, image_size: tuple[int, int], profiled_size: tuple[int, int]) -> Vector:
        """``(D,)`` pixels that the network sees to those of images that were profiled."""
        if self._input_px is not None and self._seen != (image_size, profiled_size):
            now, then = (
                np.array([self._input_px(shape, size) for shape in self._shapes], np.float64)
                for size in (image_size, profiled_size)
            )
            self._seen, self._seen_share = (image_size, profiled_size), now / then
        return self._seen_share
