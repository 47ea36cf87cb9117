"""Image messages and files to BGR arrays, for bags, folders and nodes alike."""

from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.datasets.bit_depth import BitDepth
from approx_perception.datasets.encodings import ENCODINGS, Encoding, bayer_to_bgr
from approx_perception.datasets.image_header import MAX_IMAGE_PX, check_size, size_in_header
from approx_perception.exceptions import InvalidFrameError, UnknownEncodingError, choices, shown

__all__ = ["CompressedImageMessage", "ImageDecoder", "ImageMessage", "stamp_ns"]

Image = npt.NDArray[np.uint8]

# OpenCV writes lines of its own for each broken image, up to six; our errors tell of it.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class ImageMessage(Protocol):
    """Fields of ``sensor_msgs/Image`` that matter here."""

    encoding: str
    is_bigendian: int
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


class ImageDecoder:
    """Makes ``(H, W, 3)`` uint8 BGR of the images of one stream; see `BitDepth` for 16-bit ones.

    Parameters
    ----------
    max_image_px
        Larger images are refused before they are decoded.
    """

    def __init__(self, max_image_px: int = MAX_IMAGE_PX) -> None:
        self._max_image_px = max_image_px
        self._depth = BitDepth()

    def raw(self, message: ImageMessage) -> Image:
        """Decode a ``sensor_msgs/Image``; bgr8 is not copied.

        Raises
        ------
        UnknownEncodingError
            If the encoding is unknown.
        InvalidFrameError
            If the image is empty or too large, or its data are too short.
        """
        width, height = message.width, message.height
        if width < 1 or height < 1:
            raise InvalidFrameError(f"the image is empty: width {width}, height {height}")
        check_size(width, height, self._max_image_px)
        encoding = ENCODINGS.get(message.encoding)
        if encoding is None:
            raise UnknownEncodingError(
                f"encoding {shown(message.encoding)} is not supported; publish {choices(ENCODINGS)}"
            )
        pixels = self._depth.to_8_bits(_pixels(message, encoding))
        try:
            return encoding.to_bgr(pixels)
        except cv2.error as error:
            raise InvalidFrameError(
                f"cannot convert a {width}x{height} image from {message.encoding}: {error.err}"
            ) from error

    def compressed(self, message: CompressedImageMessage) -> Image:
        """Decode a ``sensor_msgs/CompressedImage``: a mosaic too, if its format tells of one.

        Raises
        ------
        InvalidFrameError
            If it is too large, no picture, or cannot be decoded.
        """
        encoding, _, codec = (part.strip() for part in message.format.partition(";"))
        if "compressedDepth" in message.format:
            raise InvalidFrameError(
                f"format {shown(message.format)} holds distances and no picture; "
                "subscribe to a colour or grey image"
            )
        try:
            image = self._decode(bytes(message.data))
        except InvalidFrameError as error:
            raise InvalidFrameError(f"{error} (format {shown(message.format)})") from error
        target = codec.partition("compressed")[2].strip()
        demosaic = bayer_to_bgr(encoding)
        # Publishers that made grey of the mosaic name it. One channel that is named colours is
        # the mosaic itself.
        if demosaic is None or image.ndim > 2 or target.startswith("mono"):
            return _bgr(image)
        return demosaic(image)

    def file(self, data: bytes) -> Image:
        """Decode the content of an image file.

        Raises
        ------
        InvalidFrameError
            If it is too large or cannot be decoded.
        """
        return _bgr(self._decode(data))

    def _decode(self, data: bytes) -> Image:
        """``(H, W)`` or ``(H, W, 3)``, as it is stored."""
        check_size(*size_in_header(data), self._max_image_px)
        try:
            image = cv2.imdecode(
                np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
            )
        except cv2.error as error:
            raise InvalidFrameError(f"cannot decode an image: {error.err}") from error
        if image is None:
            raise InvalidFrameError(
                f"cannot decode an image of {len(data)} bytes: it is cut or broken"
            )
        return self._depth.to_8_bits(image)


def _bgr(image: Image) -> Image:
    return image if image.ndim > 2 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def _pixels(message: ImageMessage, encoding: Encoding) -> npt.NDArray[np.generic]:
    """``(rows, W, channels)``, or ``(rows, W)`` of one channel; uint8 or uint16.

    Raises
    ------
    InvalidFrameError
        If data are missing or the size is not one that the encoding can have.
    """
    width, step, rows = message.width, message.step, message.height * encoding.rows_for_two // 2
    if encoding.rows_for_two > 2 and (width % 2 or message.height % 2):
        raise InvalidFrameError(
            f"an image in {message.encoding} has an even width and height, this one "
            f"{width}x{message.height}"
        )
    row_bytes = width * encoding.channels * encoding.bits // 8
    if message.encoding == "nv24" and step != width:
        raise InvalidFrameError(f"step is {step} bytes, but nv24 is read without padding: {width}")
    if step < row_bytes:
        raise InvalidFrameError(
            f"step is {step} bytes, but a row of {width} px in {message.encoding} has {row_bytes}"
        )
    data = np.frombuffer(message.data, np.uint8)
    if len(data) < step * rows:
        raise InvalidFrameError(
            f"the image is truncated: {len(data)} bytes, expected {step * rows} "
            f"({rows} rows of {step})"
        )
    packed = np.ascontiguousarray(data[: step * rows].reshape(rows, step)[:, :row_bytes])
    if encoding.bits == 16:
        order = ">u2" if message.is_bigendian else "<u2"
        packed = packed.view(order).astype(np.uint16, copy=False)
    return packed.reshape(rows, width, encoding.channels) if encoding.channels > 1 else packed
