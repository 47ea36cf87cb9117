"""Video files, by OpenCV."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.image_header import MAX_IMAGE_PX, check_size
from approx_perception.exceptions import DatasetError, InvalidFrameError, counted
from approx_perception.notices import notice
from approx_perception.structures import Frame

__all__ = ["VideoFile"]

_DEFAULT_FPS = 30.0


class VideoFile(FrameSource):
    """Frames of a video.

    Parameters
    ----------
    path
        Anything that OpenCV's build of FFmpeg decodes.
    max_image_px
        Videos of larger images are refused, as far as the container tells their size.

    Raises
    ------
    DatasetError
        If it cannot be decoded, or its images are too large.
    """

    def __init__(self, path: Path, max_image_px: int = MAX_IMAGE_PX) -> None:
        self._path, self._max_image_px = path, max_image_px
        self.name = path.name
        capture = self._open()
        self.fps = capture.get(cv2.CAP_PROP_FPS) or _DEFAULT_FPS
        self.frame_count = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path))
        if not capture.isOpened():
            raise DatasetError(f"{self._path} is no video that OpenCV reads")
        width, height = (
            int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        try:
            check_size(width, height, self._max_image_px)
        except InvalidFrameError as error:
            capture.release()
            raise DatasetError(f"{self._path}: {error}") from error
        return capture

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all frames; see `FrameSource`."""
        clock = MonotonicClock()
        capture = self._open()
        index = 0
        try:
            while True:
                start_ns = clock.monotonic_ns()
                is_read, image = capture.read()
                decode_ms = (clock.monotonic_ns() - start_ns) / 1e6
                if not is_read:
                    break
                pixels = image.astype(np.uint8, copy=False)
                frame = Frame(pixels, self.stamp_ns(index), self.name, index, decode_ms)
                yield LabelledFrame(frame)
                index += 1
        finally:
            capture.release()
        if index == 0:
            raise DatasetError(f"{self._path} holds no frame that OpenCV decodes")
        if index < self.frame_count:
            notice(
                f"{self._path}: {index} of {counted(self.frame_count, 'frame')} are decoded; the "
                "others are "
                "cut off or broken"
            )
