"""Endless training batches, each a pure function of seed and position."""

from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from approx_perception.classifiers._base import crop
from approx_perception.training.classification.samples import IMAGE_PX, Pool, Sample

__all__ = ["Batch", "augmented", "training_batches"]

#: Images ``(N, 3, IMAGE_PX, IMAGE_PX)`` uint8, and labels ``(N,)``.
Batch = tuple[Tensor, Tensor]

#: How often an image is cut to a part of it that still shows the box, as crops of detections are.
_CUT_SHARE = 0.5
#: Until this share of the run, images open up from the box alone to the whole: a network that sees
#: small objects in clutter from the start learns nothing of them for thousands of batches.
_OPENING = 0.35
_LIGHT = (0.7, 1.35)
_OFFSET = 20.0


def augmented(
    sample: Sample, rng: np.random.Generator, progress: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Mirror, cut and light an image by chance.

    Parameters
    ----------
    sample
        What to show.
    rng
        Decides everything.
    progress
        How far the run has come, 0..1.

    Returns
    -------
    ``(IMAGE_PX, IMAGE_PX, 3)`` uint8
    """
    height, width = sample.image.shape[:2]
    region = np.array([0, 0, width, height], np.float64)
    closeness = max(0.0, 1 - progress / _OPENING)
    if rng.random() < max(_CUT_SHARE, closeness):
        # Each side moves in by a chance share of its way to the box.
        region += rng.uniform(0.8 * closeness, 0.95, 4) * (sample.box - region)
    image = crop(sample.image, region.astype(np.float32), IMAGE_PX)
    if rng.random() < 0.5:
        image = image[:, ::-1]
    levels = np.arange(256) * rng.uniform(*_LIGHT) + rng.uniform(-_OFFSET, _OFFSET)
    return np.asarray(cv2.LUT(image, np.clip(levels, 0, 255).astype(np.uint8)), np.uint8)


class _Batches(Dataset[Batch]):
    """Batch ``position``; a pass over all samples in chance order, then the next."""

    def __init__(self, samples: Pool, seed: int, size: int, first: int, last: int) -> None:
        self._samples, self._seed, self._size, self._last = samples, seed, size, last
        self._range = range(first, last)

    def __len__(self) -> int:
        return len(self._range)

    def __getitem__(self, index: int) -> Batch:
        position = self._range[index]
        rng = np.random.default_rng([self._seed, 1, position])
        chosen = [self._samples[i] for i in self._indices(position)]
        images = np.stack([augmented(sample, rng, position / self._last) for sample in chosen])
        labels = torch.tensor([sample.label for sample in chosen])
        return torch.from_numpy(images).permute(0, 3, 1, 2), labels

    def _indices(self, position: int) -> Iterator[int]:
        for place in range(position * self._size, (position + 1) * self._size):
            turn, rank = divmod(place, len(self._samples))
            yield int(_order(len(self._samples), self._seed, turn)[rank])


@lru_cache(maxsize=2)
def _order(count: int, seed: int, turn: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, 2, turn]).permutation(count)


def training_batches(
    samples: Pool, seed: int, batch_size: int, batch_range: tuple[int, int], workers: int
) -> DataLoader[Batch]:
    """Batches of a run, from and to a position, so that a resumed run sees what it missed.

    Parameters
    ----------
    samples
        All are seen once before any is seen twice.
    seed
        Another seed, another order.
    batch_size
        Samples in a batch.
    batch_range
        First batch and the one after the last, which is the end of the run.
    workers
        Processes that read and augment; 0 does it in this one.
    """
    return DataLoader(
        _Batches(samples, seed, batch_size, *batch_range),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_one_thread,
    )


def _one_thread(_: int) -> None:
    """Keep a worker from taking the cores that the training itself needs."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
