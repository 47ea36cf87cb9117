"""What a detector learns from: synthetic frames that are drawn, or a user's labelled images."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.datasets.synthetic import SCENARIOS, SyntheticVideo
from approx_perception.detectors.faster_rcnn.sizes import resized_size
from approx_perception.structures import GroundTruth

__all__ = ["ImageSamples", "LabelledImage", "Sample", "Samples", "SyntheticSamples"]

Image = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
#: RGB image ``(H, W, 3)`` uint8, boxes ``(N, 4)`` in px of it, and labels ``(N,)`` from 1 on.
Sample = tuple[Image, Boxes, npt.NDArray[np.int64]]

#: Frames of one video are alike: each sample is another video, at a random moment.
_MOMENTS = 600
#: How often an image is seen as it is, but for light and mirroring.
_WHOLE_SHARE = 0.3
#: Sides of the window that is seen, as multiples of the image's.
_WINDOW = (0.55, 1.7)
_GREY = 114
_LIGHT, _TINT, _OFFSET = (0.65, 1.4), (0.9, 1.1), 15.0
#: An object of which less is seen is no example of its class.
_MIN_VISIBLE_SHARE = 0.3
_MIN_SIDE_PX = 2.0


class Samples(ABC):
    """Endless samples, each a pure function of seed and position."""

    @abstractmethod
    def draw(self, seed: int, position: int, shape: int) -> Sample:
        """Return the sample at a position of a run, with a short side of ``shape`` px."""


class SyntheticSamples(Samples):
    """Frames of the train split of all scenarios."""

    def draw(self, seed: int, position: int, shape: int) -> Sample:
        """See `Samples`."""
        rng = np.random.default_rng([seed, position])
        scenario = str(rng.choice(list(SCENARIOS)))
        video = SyntheticVideo(scenario, "train", int(rng.integers(2**31)), _MOMENTS)
        rendered = video.render(int(rng.integers(_MOMENTS)))
        truth = rendered.ground_truth
        kept = ~truth.ignored
        return _resized(rendered.image, truth.boxes[kept], truth.class_ids[kept] + 1, shape)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """An image file and what is in it."""

    path: Path
    truth: GroundTruth


class ImageSamples(Samples):
    """Images of a user, mirrored, nearer or farther, and in other light by chance.

    Parameters
    ----------
    images
        All are seen once before any is seen twice.
    """

    def __init__(self, images: Sequence[LabelledImage]) -> None:
        self._images = images

    def draw(self, seed: int, position: int, shape: int) -> Sample:
        """See `Samples`."""
        rng = np.random.default_rng([seed, position])
        turn, rank = divmod(position, len(self._images))
        chosen = self._images[int(_order(len(self._images), seed, turn)[rank])]
        image = ImageDecoder().file(chosen.path.read_bytes())
        kept = ~chosen.truth.ignored
        boxes, labels = chosen.truth.boxes[kept], chosen.truth.class_ids[kept] + 1
        if rng.random() >= _WHOLE_SHARE:
            image, boxes, labels = _window(image, boxes, labels, rng)
        if rng.random() < 0.5:
            image = image[:, ::-1]
            boxes = np.stack(
                [image.shape[1] - boxes[:, 2], boxes[:, 1], image.shape[1] - boxes[:, 0],
                 boxes[:, 3]], axis=1,
            )  # fmt: skip
        small, boxes, labels = _resized(_lit(image, rng), boxes, labels, shape)
        large = (boxes[:, 2:] - boxes[:, :2] >= _MIN_SIDE_PX).all(axis=1)
        return small, boxes[large], labels[large]


@lru_cache(maxsize=2)
def _order(count: int, seed: int, turn: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, 2, turn]).permutation(count)


def _window(
    image: Image, boxes: Boxes, labels: npt.NDArray[np.int64], rng: np.random.Generator
) -> Sample:
    """A part of an image, or more than it with grey around; shows the middle of some object."""
    height, width = image.shape[:2]
    scale = float(np.exp(rng.uniform(*np.log(_WINDOW))))
    sides = np.maximum(np.round(np.array([width, height]) * scale), 1).astype(int)
    free = np.array([width, height]) - sides
    low = rng.uniform(np.minimum(free, 0), np.maximum(free, 0))
    if len(boxes):
        box = boxes[rng.integers(len(boxes))]
        middle = (box[:2] + box[2:]) / 2
        low = np.clip(low, middle - sides, middle)
    x, y = np.round(low).astype(int)
    moved = boxes - np.array([x, y, x, y], np.float32)
    seen = np.clip(moved, 0, np.tile(sides, 2)).astype(np.float32)
    visible = _areas(seen) >= _MIN_VISIBLE_SHARE * _areas(moved)
    above, below = max(-y, 0), max(y + sides[1] - height, 0)
    left, right = max(-x, 0), max(x + sides[0] - width, 0)
    inner = image[max(y, 0) : y + sides[1], max(x, 0) : x + sides[0]]
    grey = (_GREY,) * 3
    view = cv2.copyMakeBorder(
        inner, int(above), int(below), int(left), int(right), cv2.BORDER_CONSTANT, value=grey
    )
    return view.astype(np.uint8, copy=False), seen[visible], labels[visible]


def _areas(boxes: Boxes) -> Boxes:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), np.float32)


def _lit(image: Image, rng: np.random.Generator) -> Image:
    gains = rng.uniform(*_LIGHT) * rng.uniform(*_TINT, 3)
    levels = np.arange(256)[:, None] * gains + rng.uniform(-_OFFSET, _OFFSET)
    table = np.clip(levels, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(np.ascontiguousarray(image), table), np.uint8)


def _resized(image: Image, boxes: Boxes, labels: npt.NDArray[np.int64], shape: int) -> Sample:
    """BGR of any size to a sample, as the detector resizes it."""
    height, width = image.shape[:2]
    size = resized_size(height, width, shape)
    small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    scaled = boxes * np.array([size[1] / width, size[0] / height] * 2, np.float32)
    return cv2.cvtColor(small, cv2.COLOR_BGR2RGB).astype(np.uint8), scaled, labels
