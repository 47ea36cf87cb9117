"""Image messages to BGR arrays, for bags and nodes alike: any object with a message's fields."""

from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import InvalidFrameError, choices

__all__ = [
    "ENCODINGS",
    "CompressedImageMessage",
    "ImageMessage",
    "decode_compressed",
    "decode_raw",
    "stamp_ns",
]

Image = npt.NDArray[np.uint8]


class ImageMessage(Protocol):
    """Fields of ``sensor_msgs/Image`` that matter here."""

    encoding: str
    width: int
    height: int
    step: int
    data: Any


class CompressedImageMessage(Protocol):
    """Fields of ``sensor_msgs/CompressedImage`` that matter here."""

    format: str
    data: Any


def stamp_ns(header: Any) -> int:
    """Stamp of a ``std_msgs/Header`` in ns."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def _convert(code: int) -> Callable[[Image], Image]:
    return lambda pixels: cv2.cvtColor(pixels, code).astype(np.uint8, copy=False)


def _same(pixels: Image) -> Image:
    return pixels


#: Channels of each encoding and how to get BGR from them. OpenCV names a Bayer pattern by its
#: second row and column, ROS by its first.
_DECODERS: dict[str, tuple[int, Callable[[Image], Image]]] = {
    "bgr8": (3, _same),
    "8UC3": (3, _same),
    "rgb8": (3, _convert(cv2.COLOR_RGB2BGR)),
    "mono8": (1, _convert(cv2.COLOR_GRAY2BGR)),
    "8UC1": (1, _convert(cv2.COLOR_GRAY2BGR)),
    "bgra8": (4, _convert(cv2.COLOR_BGRA2BGR)),
    "rgba8": (4, _convert(cv2.COLOR_RGBA2BGR)),
    "bayer_rggb8": (1, _convert(cv2.COLOR_BayerBG2BGR)),
    "bayer_bggr8": (1, _convert(cv2.COLOR_BayerRG2BGR)),
    "bayer_gbrg8": (1, _convert(cv2.COLOR_BayerGR2BGR)),
    "bayer_grbg8": (1, _convert(cv2.COLOR_BayerGB2BGR)),
    "yuv422": (2, _convert(cv2.COLOR_YUV2BGR_UYVY)),
    "uyvy": (2, _convert(cv2.COLOR_YUV2BGR_UYVY)),
    "yuv422_yuy2": (2, _convert(cv2.COLOR_YUV2BGR_YUY2)),
    "yuyv": (2, _convert(cv2.COLOR_YUV2BGR_YUY2)),
}
ENCODINGS = tuple(_DECODERS)


def decode_raw(message: ImageMessage) -> Image:
    """Turn a ``sensor_msgs/Image`` into ``(H, W, 3)`` uint8 BGR; bgr8 is not copied.

    Raises
    ------
    InvalidFrameError
        If the encoding is unknown, the image is empty, or its data are too short.
    """
    if message.encoding not in _DECODERS:
        raise InvalidFrameError(
            f"encoding {message.encoding!r} is not supported; publish {choices(ENCODINGS)}"
        )
    channels, convert = _DECODERS[message.encoding]
    width, height, step = message.width, message.height, message.step
    if width < 1 or height < 1:
        raise InvalidFrameError(f"the image is empty: width {width}, height {height}")
    row_bytes = width * channels
    data = np.frombuffer(message.data, np.uint8)
    if step < row_bytes:
        raise InvalidFrameError(
            f"step is {step} bytes, but a row of {width} px in {message.encoding} has {row_bytes}"
        )
    if len(data) < step * height:
        raise InvalidFrameError(
            f"the image is truncated: {len(data)} bytes, expected {step * height} "
            f"({height} rows of {step})"
        )
    rows = data[: step * height].reshape(height, step)[:, :row_bytes]
    pixels = rows.reshape(height, width, channels) if channels > 1 else rows
    try:
        return convert(np.ascontiguousarray(pixels))
    except cv2.error as error:
        raise InvalidFrameError(
            f"cannot convert a {width}x{height} image from {message.encoding}: {error.err}"
        ) from error


def decode_compressed(message: CompressedImageMessage) -> Image:
    """Turn a ``sensor_msgs/CompressedImage`` into ``(H, W, 3)`` uint8 BGR.

    Raises
    ------
    InvalidFrameError
        If OpenCV cannot decode it.
    """
    data = np.frombuffer(message.data, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise InvalidFrameError(
            f"cannot decode a compressed image of {len(data)} bytes, format {message.format!r}"
        )
    return image.astype(np.uint8, copy=False)
