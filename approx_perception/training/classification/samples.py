"""Labelled images to train on, read or drawn once and kept as small squares."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.classifiers._base import crop

__all__ = ["IMAGE_PX", "Pool", "Sample", "write_pool"]

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


class Pool:
    """Samples on disk that can be read in any order.

    Parameters
    ----------
    paths
        What `write_pool` wrote.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._frames = [np.load(path, mmap_mode="r") for path in paths]
        tables = [np.load(path.with_suffix(".npz")) for path in paths]
        self.labels = np.concatenate([table["labels"] for table in tables])
        self._boxes = np.concatenate([table["boxes"] for table in tables])
        # A file may have room for more: images that could not be read are left out.
        self._starts = np.cumsum([0, *(len(table["labels"]) for table in tables)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        file = int(np.searchsorted(self._starts, index, "right")) - 1
        image = self._frames[file][index - self._starts[file]]
        return Sample(image, int(self.labels[index]), self._boxes[index])


def write_pool(path: Path, samples: Iterable[Sample], count: int, key: str) -> None:
    """Write samples, unless the same ones lie there from an earlier run.

    Parameters
    ----------
    path
        The ``.npy`` file of images; labels and boxes go beside it, last of all.
    samples
        Of these, ``count`` at most.
    key
        What they are: another key, other samples.
    """
    table = path.with_suffix(".npz")
    if table.exists() and str(np.load(table)["key"]) == key:
        return
    table.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (count, IMAGE_PX, IMAGE_PX, 3)
    frames = np.lib.format.open_memmap(path, "w+", np.uint8, shape)  # type: ignore[no-untyped-call]
    labels, boxes = np.zeros(count, np.int64), np.zeros((count, 4), np.float32)
    index = -1
    for index, sample in zip(range(count), samples, strict=False):
        height, width = sample.image.shape[:2]
        frames[index] = crop(sample.image, np.array([0, 0, width, height], np.float32), IMAGE_PX)
        labels[index] = sample.label
        boxes[index] = sample.box * np.tile(np.array([IMAGE_PX / width, IMAGE_PX / height]), 2)
    frames.flush()
    end = index + 1
    np.savez(table, labels=labels[:end], boxes=boxes[:end], key=np.array(key))
