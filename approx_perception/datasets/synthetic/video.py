"""Synthetic video as a data set: any frame of it, in any order, from a name and a seed."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.synthetic.backgrounds import make_background
from approx_perception.datasets.synthetic.clips import ClipScene
from approx_perception.datasets.synthetic.renderer import RenderedFrame, render
from approx_perception.datasets.synthetic.scenarios import (
    ClipScenario,
    Scenario,
    scenario_names,
    scenario_segments,
)
from approx_perception.datasets.synthetic.scene import Scene
from approx_perception.datasets.synthetic.sprites import CLASS_NAMES, Sprite, make_sprite
from approx_perception.exceptions import DatasetError, choices, shown
from approx_perception.structures import Frame

__all__ = ["SPLITS", "Split", "SyntheticVideo"]

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
#: Different objects and backdrops for each split: a network cannot know them by heart.
_SPRITES_PER_CLASS = {"train": 96, "val": 24, "test": 24}
_BACKDROPS = {"train": 96, "val": 16, "test": 16}
_BACKDROP_MARGIN = 1.3


@lru_cache(maxsize=1024)
def _sprite(split: Split, class_id: int, index: int, own_colour: bool) -> Sprite:
    rng = np.random.default_rng([SPLITS.index(split), 1, class_id, index])
    return make_sprite(class_id, rng, own_colour)


@lru_cache(maxsize=96)
def _backdrop(
    split: Split, index: int, width: int, height: int, detail: float
) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng([SPLITS.index(split), 2, index])
    size = round(height * _BACKDROP_MARGIN), round(width * _BACKDROP_MARGIN)
    return make_background(*size, rng, detail)


def _scene(segment: Scenario, rng: np.random.Generator, width: int, height: int) -> Scene:
    if isinstance(segment, ClipScenario):
        return ClipScene(segment, rng, width, height)
    return Scene(segment, rng, width, height)


def _drawn(scene: Scene, split: Split) -> tuple[list[Sprite], npt.NDArray[np.uint8]]:
    """Pictures of a scene's objects, and its backdrop."""
    own_colour = scene.scenario.own_colour if isinstance(scene, ClipScene) else False
    detail = scene.scenario.detail if isinstance(scene, ClipScene) else 1.0
    sprites = [
        _sprite(split, int(class_id), int(draw * _SPRITES_PER_CLASS[split]), own_colour)
        for class_id, draw in zip(scene.class_ids, scene.sprite_draws, strict=True)
    ]
    index = int(scene.background_draw * _BACKDROPS[split])
    return sprites, _backdrop(split, index, *scene.size_px, detail)


class SyntheticVideo(FrameSource):
    """Procedural video with exact ground truth.

    Every frame is a pure function of (scenario, split, seed, index).

    Parameters
    ----------
    scenario
        A name of `scenario_names`.
    split
        ``train``, ``val`` or ``test``: disjoint objects, backdrops and motions.
    seed
        Which video of the split.
    frame_count
        Length; a scenario of several segments shares it out among them.
    width, height
        Image size in px.
    fps
        Nominal rate in Hz, for stamps.

    Raises
    ------
    DatasetError
        If scenario or split do not exist, or a size is not positive.
    """

    class_names = CLASS_NAMES

    def __init__(
        self,
        scenario: str,
        split: Split = "test",
        seed: int = 0,
        frame_count: int = 300,
        width: int = 640,
        height: int = 480,
        fps: float = 30.0,
    ) -> None:
        segments = scenario_segments(scenario)
        if split not in SPLITS:
            raise DatasetError(f"there is no split {shown(split)}; choose {choices(SPLITS)}")
        for name, value in (("frame_count", frame_count), ("width", width), ("height", height)):
            if value < 1:
                raise DatasetError(f"{name} is {value}, expected at least 1")
        self.name = f"synthetic:{scenario}"
        self.fps = fps
        self.frame_count = frame_count
        self._split: Split = split
        self._segment_length = -(-frame_count // len(segments))
        self._seed = [SPLITS.index(split), 3, scenario_names().index(scenario), seed]
        self._scenes = [
            _scene(segment, np.random.default_rng([*self._seed, position]), width, height)
            for position, segment in enumerate(segments)
        ]

    def render(self, index: int) -> RenderedFrame:
        """Draw frame ``index`` (from 0) with its ground truth; ids are unique in the video."""
        segment = min(index // self._segment_length, len(self._scenes) - 1)
        scene = self._scenes[segment]
        sprites, backdrop = _drawn(scene, self._split)
        noise = np.random.default_rng([*self._seed, segment, index])
        frame = render(scene, sprites, backdrop, float(index), noise)
        frame.ground_truth.track_ids[:] += 1000 * segment + 1
        return frame

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all frames with their ground truth."""
        for index in range(self.frame_count):
            rendered = self.render(index)
            frame = Frame(rendered.image, self.stamp_ns(index), self.name, index)
            yield LabelledFrame(frame, rendered.ground_truth)
