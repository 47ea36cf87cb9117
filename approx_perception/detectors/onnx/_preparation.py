"""How an image becomes the input of a network."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["IMAGENET_BGR", "Placement", "Preparation", "Size", "as_numbers", "place"]

Size = tuple[int, int]
Triple = tuple[float, float, float]
Array = npt.NDArray[np.float32]

#: Px of padding below and beside an image that a network with free sides gets at least, to see
#: where the image ends: half a cell of the coarsest level. With none AP50 falls by 0.012 at a side
#: of 160 px; more is wasted.
_LEAST_PADDING = 16


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a network expects of its input.

    Attributes
    ----------
    colour
        Order of the channels.
    scale, mean, deviation
        The input is ``(scale * pixel - mean) / deviation``, channels in the order of ``colour``.
        A network that takes uint8 gets pixels as they are.
    resize
        ``letterbox`` keeps the aspect and fills the rest; ``stretch`` does not keep it.
    padding
        Grey level of the rest, 0 to 255.
    place
        Where the image is in its letterbox.
    """

    colour: Literal["bgr", "rgb"] = "rgb"
    scale: float = 1 / 255
    mean: Triple = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)
    resize: Literal["letterbox", "stretch"] = "letterbox"
    padding: int = 114
    place: Literal["centre", "top_left"] = "top_left"


#: Means and deviations of ImageNet in the order that OpenCV reads.
IMAGENET_BGR = Preparation("bgr", 1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))


@dataclass(frozen=True)
class Placement:
    """Where an image is in the input.

    Attributes
    ----------
    input_size, resized
        Width and height in px of the input, and of the image in it.
    offset
        Left and top of the image in px of the input.
    scale
        Px of the input a px of the image, along x and y.
    """

    input_size: Size
    resized: Size
    offset: Size
    scale: tuple[float, float]

    def canvas(self, image: npt.NDArray[np.uint8], padding: int) -> npt.NDArray[np.uint8]:
        """Image of the input's size, ``(H, W, 3)``."""
        small = cv2.resize(image, self.resized, interpolation=cv2.INTER_LINEAR)
        if self.resized == self.input_size:
            return np.asarray(small, np.uint8)
        columns, rows = self.input_size
        canvas = np.full((rows, columns, 3), padding, np.uint8)
        left, top = self.offset
        canvas[top : top + self.resized[1], left : left + self.resized[0]] = small
        return canvas

    @cached_property
    def _shift_and_scale(self) -> tuple[Array, Array]:
        return np.array([*self.offset] * 2, np.float32), np.array([*self.scale] * 2, np.float32)

    def to_image(self, boxes: Array) -> Array:
        """Boxes ``(N, 4)`` xyxy in px of the input, in px of the image."""
        shift, scale = self._shift_and_scale
        return np.asarray((boxes - shift) / scale, np.float32)


def place(
    image_size: Size,
    side: int,
    fixed: Size | None,
    how: Preparation,
    multiple: int,
    is_square: bool,
) -> Placement:
    """Say where an image goes.

    Parameters
    ----------
    image_size
        Width and height in px.
    side
        The longer of the input's sides in px, where they are free.
    fixed
        Width and height of the input where they are not.
    how
        Letterbox or stretched.
    multiple
        Sides of the input are multiples of it.
    is_square
        Whether both sides must be alike.
    """
    width, height = image_size
    columns, rows = fixed or (side, side)
    if how.resize == "stretch":
        return Placement(
            (columns, rows), (columns, rows), (0, 0), (columns / width, rows / height)
        )  # fmt: skip
    scale = min(rows / height, columns / width)
    resized = (max(int(width * scale), 1), max(int(height * scale), 1))
    if not fixed and not is_square:
        least = _LEAST_PADDING if how.place == "top_left" else 0
        columns, rows = (min(side, -(-(px + least) // multiple) * multiple) for px in resized)
    is_centred = how.place == "centre"
    offset = ((columns - resized[0]) // 2, (rows - resized[1]) // 2) if is_centred else (0, 0)
    return Placement((columns, rows), resized, offset, (scale, scale))


def as_numbers(canvas: npt.NDArray[np.uint8], how: Preparation, dtype: Any) -> npt.NDArray[Any]:
    """Pixels ``(H, W, 3)`` BGR as numbers of a type ``(3, H, W)``."""
    channels = canvas.transpose(2, 0, 1)
    if how.colour == "rgb":
        channels = channels[::-1]
    if dtype == np.uint8:
        return channels
    numbers = channels.astype(np.float32, order="C")
    for index, (mean, deviation) in enumerate(zip(how.mean, how.deviation, strict=True)):
        if (factor := how.scale / deviation) != 1:
            numbers[index] *= factor
        if mean:
            numbers[index] -= mean / deviation
    return numbers.astype(dtype, copy=False)
