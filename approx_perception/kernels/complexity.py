"""How hard an image is, as its edges tell, and when that must be told anew.

ApproxNet, section on the frame complexity estimator: the edge energy of a small grey version of
the image, in one of seven categories by bounds learned on the training set; told anew when the
image's histogram is another one, not on every frame.
"""

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import ConfigurationError, counted
from approx_perception.structures import ImageComplexity
from approx_perception.structures.complexity import COMPLEXITY_CATEGORIES

__all__ = ["ComplexitySensor", "complexity_edges", "edge_energy", "small_grey"]

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]
Histogram = npt.NDArray[np.float32]

#: Side of the small grey version in px.
_SIDE_PX = 96
_BINS = 32
#: Share of the pixels that change their brightness from a frame to the next at a cut.
_CUT = 0.25
#: The same since the complexity was told; what is older is told anew.
_MOVED_ON = 0.15


def small_grey(image: Image, region: npt.NDArray[np.float32] | None = None) -> Image:
    """Cut a region out, ``(4,)`` x1 y1 x2 y2 in px, and make it a small grey square.

    Returns
    -------
    ``(96, 96)`` uint8
    """
    if region is not None:
        height, width = image.shape[:2]
        x1, y1 = np.clip(region[:2], 0, (width - 1, height - 1)).astype(int)
        x2, y2 = np.clip(np.ceil(region[2:]), (x1 + 1, y1 + 1), (width, height)).astype(int)
        image = image[y1:y2, x1:x2]
    small = cv2.resize(image, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def edge_energy(grey: Image) -> float:
    """Mean magnitude of the gradient (Scharr) of a small grey image."""
    across, down = (cv2.Scharr(grey, cv2.CV_32F, *axes) for axes in ((1, 0), (0, 1)))
    return float(cv2.mean(cv2.magnitude(across, down))[0])


def complexity_edges(energies: npt.ArrayLike) -> Vector:
    """Bounds between the categories, of the edge energies ``(N,)`` of a training set.

    Returns
    -------
    ``(6,)`` float64
        Each category holds as many images.

    Raises
    ------
    ConfigurationError
        If there are fewer images than categories.
    """
    values = np.asarray(energies, np.float64)
    if len(values) < COMPLEXITY_CATEGORIES:
        raise ConfigurationError(
            f"{counted(len(values), 'image')} are too few for {COMPLEXITY_CATEGORIES} categories "
            "of complexity"
        )
    return np.quantile(values, np.arange(1, COMPLEXITY_CATEGORIES) / COMPLEXITY_CATEGORIES)


class ComplexitySensor:
    """Follows the complexity of one camera's images.

    Parameters
    ----------
    edges
        ``(6,)`` rising bounds of the edge energy between categories.
    """

    def __init__(self, edges: Vector) -> None:
        self._edges = edges
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        #: Histograms of the frame before, and of that whose complexity was told.
        self._before: Histogram | None = None
        self._told: Histogram | None = None
        self.content = ImageComplexity(is_known=False)

    def see(self, image: Image, region: npt.NDArray[np.float32] | None = None) -> bool:
        """Take in an image; whether a scene begins with it."""
        grey = small_grey(image, region)
        now = cv2.calcHist([grey], [0], None, [_BINS], [0, 256]).ravel() / grey.size
        before, self._before = self._before, now
        if self._told is None or _distance(self._told, now) > _MOVED_ON:
            category = int(np.searchsorted(self._edges, edge_energy(grey), side="right"))
            self._told, self.content = now, ImageComplexity(category)
        return before is None or _distance(before, now) > _CUT


def _distance(one: Histogram, other: Histogram) -> float:
    """Share of the pixels that are in other bins; those that left came into others."""
    return 0.5 * float(np.abs(one - other).sum())
