"""Folders of images, alone or in the layout of MOTChallenge."""

import configparser
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.exceptions import DatasetError
from approx_perception.structures import Frame, GroundTruth

__all__ = ["ImageFolder"]

_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp"}
_DEFAULT_FPS = 30.0
_MOT_COLUMNS = 6
_MOT_PERSON = 1


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
        self._rows = _read_mot_ground_truth(ground_truth) if ground_truth.exists() else None
        if self._rows is not None:
            self.class_names = ("person",)

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
            yield LabelledFrame(frame, self._ground_truth(index + 1))

    def _ground_truth(self, number: int) -> GroundTruth | None:
        if self._rows is None:
            return None
        rows = self._rows[self._rows[:, 0] == number]
        corners = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
        return GroundTruth(
            corners.astype(np.float32),
            np.zeros(len(rows), np.int64),
            rows[:, 1].astype(np.int64),
            (rows[:, 6] == 0) | (rows[:, 7] != _MOT_PERSON),
        )


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


def _read_mot_ground_truth(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """``(R, 8)``: frame, id, x, y, w, h, flag, class; the last two are 1 where not given."""
    rows = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = [float(value) for value in line.split(",")]
        except ValueError as error:
            raise DatasetError(f"{path}, line {number}: {error}") from error
        if len(values) < _MOT_COLUMNS:
            raise DatasetError(
                f"{path}, line {number}: {len(values)} columns, expected frame,id,x,y,w,h"
                "[,flag,class,visibility]"
            )
        rows.append([*values, 1.0, 1.0][:8])
    return np.array(rows, np.float64).reshape(-1, 8)
