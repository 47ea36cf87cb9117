"""Cameras on this machine, and RTSP, by OpenCV."""

import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

# Its import keeps OpenCV from writing lines of its own, which may hold addresses.
import approx_perception.datasets.image_messages  # noqa: F401
from approx_perception.datasets.cameras._base import PATIENCE_S, Feed, FeedError
from approx_perception.datasets.cameras.addresses import missing_device
from approx_perception.datasets.image_header import check_size

__all__ = ["OpenCvFeed"]

Image = npt.NDArray[np.uint8]

_PATIENCE_MS = round(PATIENCE_S * 1000)


class OpenCvFeed(Feed):
    """A device by number or file, or a stream.

    Parameters
    ----------
    address
        ``0``, ``/dev/video0`` or ``rtsp://...``.
    max_image_px
        Larger images are refused; by then OpenCV has decoded them.

    Raises
    ------
    FeedError
        If OpenCV cannot open it.
    """

    def __init__(self, address: str, max_image_px: int) -> None:
        self._max_image_px = max_image_px
        self._capture = _stream(address) if "://" in address else _device(address)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if 0 < rate < 1000 else self.fps

    def receive(self) -> Image:
        """See `Feed`."""
        is_read, image = self._capture.read()
        if not is_read or image is None:
            raise FeedError("it gives no image")
        return image.astype(np.uint8, copy=False)

    def image(self, received: Image) -> Image:
        """See `Feed`."""
        check_size(received.shape[1], received.shape[0], self._max_image_px)
        return received

    def close(self) -> None:
        """See `Feed`."""
        self._capture.release()


def _stream(address: str) -> cv2.VideoCapture:
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE_MS,
    ]  # fmt: skip
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise FeedError(
            f"it does not answer within {PATIENCE_S:g} s, or sends no video that OpenCV reads"
        )
    return capture


def _device(address: str) -> cv2.VideoCapture:
    if reason := missing_device(address):
        raise FeedError(reason)
    path = Path(f"/dev/video{address}") if address.isdecimal() else Path(address)
    if path.is_file() or path.is_dir():
        raise FeedError("it is a file or a folder; leave out camera: to open it")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise FeedError(f"{path} may not be opened; add yourself to the group video")
    capture = cv2.VideoCapture(int(address) if address.isdecimal() else address)
    if not capture.isOpened():
        raise FeedError("OpenCV cannot open it; another program may use it, or it is no camera")
    return capture
