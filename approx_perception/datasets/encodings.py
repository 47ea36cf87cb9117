"""Encodings of ``sensor_msgs/Image``: how pixels lie in memory and what makes BGR of them."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["ENCODINGS", "Encoding", "bayer_to_bgr"]

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One encoding.

    Attributes
    ----------
    channels
        Values of a pixel in a row; of planar encodings, those of the first plane.
    to_bgr
        From ``(H, W, channels)`` uint8, ``(H, W)`` where there is one channel, to BGR.
    bits
        Of a value; those of 16 are scaled to 8 before ``to_bgr``.
    rows_for_two
        Rows in memory for two rows of the image: more than two where further planes follow.
    """

    channels: int
    to_bgr: Callable[[Image], Image]
    bits: int = 8
    rows_for_two: int = 2


def _convert(code: int) -> Callable[[Image], Image]:
    return lambda pixels: cv2.cvtColor(pixels, code).astype(np.uint8, copy=False)


def _same(pixels: Image) -> Image:
    return pixels


def _nv24_to_bgr(rows: Image) -> Image:
    """From Y, then U and V of each pixel; OpenCV knows it with every second U and V only."""
    height, width = len(rows) // 3, rows.shape[1]
    chroma = rows[height:].reshape(height, width, 2)
    uyvy = np.empty((height, width, 2), np.uint8)
    uyvy[:, 0::2, 0], uyvy[:, 1::2, 0] = chroma[:, 0::2, 0], chroma[:, 0::2, 1]
    uyvy[..., 1] = rows[:height]
    return _convert(cv2.COLOR_YUV2BGR_UYVY)(uyvy)


#: OpenCV names a Bayer pattern by its second row and column, ROS by its first.
_BAYER = {
    "rggb": _convert(cv2.COLOR_BayerBG2BGR),
    "bggr": _convert(cv2.COLOR_BayerRG2BGR),
    "gbrg": _convert(cv2.COLOR_BayerGR2BGR),
    "grbg": _convert(cv2.COLOR_BayerGB2BGR),
}
_GREY = _convert(cv2.COLOR_GRAY2BGR)
_RGB = _convert(cv2.COLOR_RGB2BGR)
_BGRA = _convert(cv2.COLOR_BGRA2BGR)
_RGBA = _convert(cv2.COLOR_RGBA2BGR)
_UYVY = Encoding(2, _convert(cv2.COLOR_YUV2BGR_UYVY))
_YUYV = Encoding(2, _convert(cv2.COLOR_YUV2BGR_YUY2))

#: By the names of sensor_msgs/image_encodings.hpp, and those that drivers use beside them.
ENCODINGS: dict[str, Encoding] = {
    **{
        f"{name}{bits}": Encoding(channels, to_bgr, bits)
        for bits in (8, 16)
        for name, channels, to_bgr in (
            ("bgr", 3, _same), ("rgb", 3, _RGB), ("bgra", 4, _BGRA), ("rgba", 4, _RGBA),
            ("mono", 1, _GREY), *((f"bayer_{name}", 1, to_bgr) for name, to_bgr in _BAYER.items()),
        )
    },
    **{
        f"{bits}UC{channels}": Encoding(channels, to_bgr, bits)
        for bits in (8, 16)
        for channels, to_bgr in ((1, _GREY), (3, _same), (4, _BGRA))
    },
    "yuv422": _UYVY, "uyvy": _UYVY, "yuv422_yuy2": _YUYV, "yuyv": _YUYV,
    "nv12": Encoding(1, _convert(cv2.COLOR_YUV2BGR_NV12), rows_for_two=3),
    "nv21": Encoding(1, _convert(cv2.COLOR_YUV2BGR_NV21), rows_for_two=3),
    "nv24": Encoding(1, _nv24_to_bgr, rows_for_two=6),
}  # fmt: skip
_MOSAICS = frozenset(f"bayer_{name}{bits}" for name in _BAYER for bits in (8, 16))


def bayer_to_bgr(encoding: str) -> Callable[[Image], Image] | None:
    """What makes BGR of a mosaic; None if the encoding is none."""
    return ENCODINGS[encoding].to_bgr if encoding in _MOSAICS else None
