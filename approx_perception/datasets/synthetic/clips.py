"""Scenes for classification: the largest box of every frame is the dominant object's."""

from dataclasses import replace

import numpy as np

from approx_perception.datasets.synthetic.scenarios import ClipScenario
from approx_perception.datasets.synthetic.scene import REFERENCE_HEIGHT_PX, Scene, Vector
from approx_perception.datasets.synthetic.sprites import half_extents

__all__ = ["ClipScene"]

#: Size of an object in front, as a share of the dominant one's: it hides about a third at most.
_OCCLUDER_SHARE = 0.5
#: How far a tilted, swinging object reaches from its centre, as a share of its size.
_REACH = 0.8


class ClipScene(Scene):
    """Random content of one clip, with the smaller objects behind the dominant one.

    The dominant object never leaves the image. What hides it moves along with it.

    Parameters
    ----------
    scenario
        Ranges to draw from.
    rng
        Decides everything; the same generator state gives the same scene.
    width, height
        Image size in px.
    """

    scenario: ClipScenario

    def __init__(
        self, scenario: ClipScenario, rng: np.random.Generator, width: int, height: int
    ) -> None:
        clutter = int(rng.integers(scenario.object_count[0], scenario.object_count[1] + 1))
        self._is_hidden = bool(rng.random() < scenario.occlusion)
        total = clutter + 1 + self._is_hidden
        super().__init__(replace(scenario, object_count=(total, total)), rng, width, height)
        #: Index of the dominant object.
        self.dominant = clutter
        size = float(np.exp(rng.uniform(*np.log(scenario.size_px)))) * height / REFERENCE_HEIGHT_PX
        sizes = size * rng.uniform(*scenario.clutter_share, total)
        sizes[clutter] = size
        sizes[clutter + 1 :] = size * _OCCLUDER_SHARE
        extents = half_extents(self.class_ids)
        self._half_sizes *= (sizes / np.sqrt(4 * (extents * self._half_sizes).prod(axis=1)))[
            :, None
        ]
        self._reach = np.minimum(_REACH * size, 0.45 * self._size)
        angle = rng.uniform(0, 2 * np.pi)
        self._occluder_offset = 0.45 * size * np.array([np.cos(angle), np.sin(angle)])

    def _bounds(self) -> tuple[Vector, Vector]:
        """Lower and upper ends ``(N, 2)`` of where centres may be."""
        low, high = super()._bounds()
        low[self.dominant] = self._reach
        high[self.dominant] = self._size - self._reach
        return low, high

    def _centres(self, time: float) -> Vector:
        centres = super()._centres(time)
        centres[self.dominant + 1 :] = centres[self.dominant] + self._occluder_offset
        return centres
