"""Folders of images, alone or in the layout of MOTChallenge."""

import configparser
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.annotations import MotAnnotations
from approx_perception.exceptions import DatasetError
from approx_perception.structures import Frame

__all__ = ["ImageFolder"]

_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp"}
_DEFAULT_FPS = 30.0


class ImageFolder(FrameSource):
    """Images in alphabetical order.

    Parameters
    ----------
    folder
        Holds images, or ``img1/`` with images and, if there are any, ``gt/gt.txt`` and
        ``seqinfo.ini`` (MOTChallenge).

    Raises
    ------
    DatasetError
        If there are no images, or ground truth or ``seqinfo.ini`` cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        images = folder / "img1" if (folder / "img1").is_dir() else folder
        self._files = sorted(p for p in images.iterdir() if p.suffix.lower() in _ENDINGS)
        if not self._files:
            raise DatasetError(f"{images} holds no images ({', '.join(sorted(_ENDINGS))})")
        self.frame_count = len(self._files)
        self.fps = _read_fps(folder / "seqinfo.ini")
        ground_truth = folder / "gt" / "gt.txt"
        self._annotations = MotAnnotations(ground_truth) if ground_truth.exists() else None
        if self._annotations is not None:
            self.class_names = self._annotations.class_names

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all images; see `FrameSource`."""
        clock = MonotonicClock()
        for index, path in enumerate(self._files):
            start_ns = clock.monotonic_ns()
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            decode_ms = (clock.monotonic_ns() - start_ns) / 1e6
            if image is None:
                raise DatasetError(f"{path} is no image that OpenCV reads")
            pixels = image.astype(np.uint8, copy=False)
            frame = Frame(pixels, self.stamp_ns(index), self.name, index, decode_ms)
            truth = None
            if self._annotations is not None:
                truth = self._annotations.ground_truth(index, path.name)
            yield LabelledFrame(frame, truth)

    def frame_name(self, index: int) -> str:
        """See `FrameSource`."""
        return self._files[index].name


def _read_fps(path: Path) -> float:
    if not path.exists():
        return _DEFAULT_FPS
    parser = configparser.ConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
        fps = parser.getfloat("Sequence", "frameRate", fallback=_DEFAULT_FPS)
    except (configparser.Error, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not 0 < fps < float("inf"):
        raise DatasetError(f"{path}: frameRate is {fps}, expected above 0")
    return fps
