"""Images in folders that are named after what they show."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.image_folder import ImageFolder, images_in
from approx_perception.datasets.image_header import IMAGE_ENDINGS, MAX_IMAGE_PX
from approx_perception.exceptions import DatasetError
from approx_perception.structures import GroundTruth

__all__ = ["ClassFolders"]


class ClassFolders(ImageFolder):
    """All images of ``FOLDER/CLASS/``, class by class; the truth is one box around each image.

    Parameters
    ----------
    folder
        Holds a folder for each class.
    max_image_px
        Larger images are refused before they are decoded.

    Raises
    ------
    DatasetError
        If no folder in it holds images.
    """

    def __init__(self, folder: Path, max_image_px: int = MAX_IMAGE_PX) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{folder} is no folder of folders that are named after classes")
        inner = (own for own in folder.iterdir() if own.is_dir() and not own.name.startswith("."))
        by_class = {own.name: paths for own in sorted(inner) if (paths := images_in(own))}
        if not by_class:
            raise DatasetError(
                f"no folder in {folder} holds images ({', '.join(IMAGE_ENDINGS)}); each is to be "
                "named after the class of its images"
            )
        self._take(folder, [path for paths in by_class.values() for path in paths], max_image_px)
        self.class_names = tuple(by_class)
        self._labels = np.repeat(np.arange(len(by_class)), [len(own) for own in by_class.values()])

    def truth_of(self, index: int, image: npt.NDArray[np.uint8]) -> GroundTruth:
        """The image's own class, as a box around all of it."""
        height, width = image.shape[:2]
        return GroundTruth(
            np.array([[0, 0, width, height]], np.float32), self._labels[index : index + 1],
            np.array([index]), np.zeros(1, bool),
        )  # fmt: skip
