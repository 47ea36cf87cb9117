"""Labelled images to train on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["IMAGE_PX", "PooledClips", "Sample", "Samples"]

#: Side of the images of a pool: the largest shape.
IMAGE_PX = 224


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An image and its class.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8, BGR.
    label
        Index into the class names.
    box
        x1 y1 x2 y2 in px of what the label is about: augmentation leaves it in view.
    """

    image: npt.NDArray[np.uint8]
    label: int
    box: npt.NDArray[np.float32]


class Samples(ABC):
    """A set of samples that can be read in any order.

    Attributes
    ----------
    class_names
        What labels mean.
    """

    class_names: tuple[str, ...]

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Read one.

        Raises
        ------
        DatasetError
            If it cannot be read.
        """


class PooledClips(Samples):
    """Frames of synthetic clips that were drawn once; see `clip_pool.draw_pool`.

    Parameters
    ----------
    paths
        The ``.npy`` files of frames; labels and boxes lie beside them in ``.npz`` files.
    class_names
        What labels mean.
    """

    def __init__(self, paths: Sequence[Path], class_names: tuple[str, ...]) -> None:
        self.class_names = class_names
        self._frames = [np.load(path, mmap_mode="r") for path in paths]
        tables = [np.load(path.with_suffix(".npz")) for path in paths]
        self.labels = np.concatenate([table["labels"] for table in tables])
        self._boxes = np.concatenate([table["boxes"] for table in tables])
        self._starts = np.cumsum([0, *(len(frames) for frames in self._frames)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        """See `Samples`."""
        pool = int(np.searchsorted(self._starts, index, "right")) - 1
        image = self._frames[pool][index - self._starts[pool]]
        return Sample(image, int(self.labels[index]), self._boxes[index])
