"""Folders of images, alone or in the layout of MOTChallenge."""

import configparser
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.clock import MonotonicClock
from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.frame_names import by_number
from approx_perception.datasets.image_header import IMAGE_ENDINGS, MAX_IMAGE_PX
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.datasets.losses import Losses
from approx_perception.exceptions import DatasetError, reason_of, shown
from approx_perception.files import read_text
from approx_perception.structures import Frame, GroundTruth

__all__ = ["ImageFolder", "images_in"]

_DEFAULT_FPS = 30.0
_IMAGES = "img1"


class ImageFolder(FrameSource):
    """Images in the order of the numbers in their names (``frame2`` before ``frame10``).

    Parameters
    ----------
    folder
        One image, or a folder that holds images, or the layout of MOTChallenge: images in
        ``img1/``, or in what ``imDir`` of ``seqinfo.ini`` names.
    max_image_px
        Larger images are refused before they are decoded.

    Raises
    ------
    DatasetError
        If there are no images, or ``seqinfo.ini`` cannot be read.
    """

    def __init__(self, folder: Path, max_image_px: int = MAX_IMAGE_PX) -> None:
        info = _read_sequence_info(folder / "seqinfo.ini")
        images = _image_folder(folder, info)
        self._take(images, images_in(images), max_image_px)
        if not self.frame_paths:
            folders = any(entry.is_dir() for entry in images.iterdir())
            hint = f"; with folders of classes in it, it is classes:{images}" if folders else ""
            raise DatasetError(f"{images} holds no images ({', '.join(IMAGE_ENDINGS)}){hint}")
        self.name, self.fps = folder.name, _fps(folder / "seqinfo.ini", info)

    def _take(self, folder: Path, paths: Sequence[Path], max_image_px: int) -> None:
        self.name, self.fps = folder.name, _DEFAULT_FPS
        self._folder, self._max_image_px = folder, max_image_px
        self.frame_paths, self.frame_count = paths, len(paths)

    def truth_of(self, index: int, image: npt.NDArray[np.uint8]) -> GroundTruth | None:
        """What is known to be in a frame."""
        return None

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all images that can be decoded; see `FrameSource`."""
        clock, decoder = MonotonicClock(), ImageDecoder(self._max_image_px)
        losses = Losses(self._folder, "images")

        def read(path: Path) -> npt.NDArray[np.uint8]:
            return decoder.file(path.read_bytes())

        try:
            for index, path in enumerate(self.frame_paths):
                start_ns = clock.monotonic_ns()
                image = losses.attempt(path.name, read, path)
                decode_ms = (clock.monotonic_ns() - start_ns) / 1e6
                if image is not None:
                    frame = Frame(image, self.stamp_ns(index), self.name, index, decode_ms)
                    yield LabelledFrame(frame, self.truth_of(index, image))
        finally:
            losses.tell()
        losses.refuse_if_all()


def images_in(folder: Path) -> list[Path]:
    """Images of a folder in the order of the numbers in their names; a file is its own folder."""
    files = [folder] if folder.is_file() else folder.iterdir()
    # Other programs leave hidden files of the same endings: ._frame1.png of macOS.
    images = (
        path for path in files
        if path.suffix.lower() in IMAGE_ENDINGS and path.is_file() and not path.name.startswith(".")
    )  # fmt: skip
    return sorted(images, key=lambda path: by_number(path.name))


def _read_sequence_info(path: Path) -> configparser.ConfigParser:
    """What a ``seqinfo.ini`` says; nothing where there is none."""
    parser = configparser.ConfigParser(interpolation=None)
    if path.exists():
        try:
            text = read_text(path, "sequence file", DatasetError)
            parser.read_string(text, str(path))
        except configparser.Error as error:
            raise DatasetError(f"{path} cannot be read: {reason_of(error)}") from error
        if not parser.has_section("Sequence"):
            raise DatasetError(f"{path} has no section [Sequence]")
    return parser


def _image_folder(folder: Path, info: configparser.ConfigParser) -> Path:
    """Where the images are: the folder that ``imDir`` names, ``img1/``, or the folder itself."""
    named = info.get("Sequence", "imDir", fallback=_IMAGES)
    if (folder / named).is_dir():
        return folder / named
    if named != _IMAGES:
        raise DatasetError(
            f"{folder / 'seqinfo.ini'}: imDir is {shown(named)}, which is no folder in {folder}"
        )
    return folder


def _fps(path: Path, info: configparser.ConfigParser) -> float:
    text = info.get("Sequence", "frameRate", fallback=str(_DEFAULT_FPS))
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 0 < fps < float("inf"):
        raise DatasetError(f"{path}: frameRate is {shown(text)}, expected a number above 0")
    return fps
