"""Endless training batches, each a pure function of seed and position."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from approx_perception.detectors.faster_rcnn.sizes import padded_size
from approx_perception.training.detection.samples import Sample, Samples

__all__ = ["Batch", "training_batches"]

Batch = tuple[Tensor, list[tuple[int, int]], list[dict[str, Tensor]]]


class _Drawn(Dataset[Sample]):
    """Sample ``(position, shape)``."""

    def __init__(self, samples: Samples, seed: int) -> None:
        self._samples, self._seed = samples, seed

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        return self._samples.draw(self._seed, *key)


class _BatchKeys(Sampler[list[tuple[int, int]]]):
    """Keys of the batches from ``start`` to ``stop``: one random shape for each."""

    def __init__(
        self, seed: int, shapes: tuple[int, ...], batch_size: int, start: int, stop: int
    ) -> None:
        self._seed, self._shapes, self._batch_size = seed, shapes, batch_size
        self._range = range(start, stop)

    def __len__(self) -> int:
        return len(self._range)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self._range:
            shape = int(np.random.default_rng([self._seed, 7, batch]).choice(self._shapes))
            first = batch * self._batch_size
            yield [(position, shape) for position in range(first, first + self._batch_size)]


class _Collate:
    """Normalise and pad samples into one tensor."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        self._mean = torch.tensor(mean).view(3, 1, 1) * 255
        self._std = torch.tensor(std).view(3, 1, 1) * 255

    def __call__(self, samples: list[Sample]) -> Batch:
        sizes = [(sample[0].shape[0], sample[0].shape[1]) for sample in samples]
        height, width = padded_size(max(s[0] for s in sizes), max(s[1] for s in sizes))
        images = torch.zeros(len(samples), 3, height, width)
        for image, (pixels, _, _) in zip(images, samples, strict=True):
            tensor = torch.from_numpy(pixels).permute(2, 0, 1).float()
            image[:, : tensor.shape[1], : tensor.shape[2]] = (tensor - self._mean) / self._std
        targets = [
            {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)}
            for _, boxes, labels in samples
        ]
        return images.contiguous(memory_format=torch.channels_last), sizes, targets


def training_batches(
    samples: Samples,
    seed: int,
    shapes: tuple[int, ...],
    batch_size: int,
    batch_range: tuple[int, int],
    normalisation: tuple[list[float], list[float]],
    workers: int,
) -> DataLoader[Sample]:
    """Batches of a run, from and to a position, so that a resumed run sees what it missed.

    Parameters
    ----------
    samples
        What is seen.
    seed
        Another seed, other frames.
    shapes
        Short sides in px to draw from, one for each batch.
    batch_size
        Images in a batch.
    batch_range
        First batch and the one after the last.
    normalisation
        Mean and standard deviation of RGB in 0..1, as the network wants them.
    workers
        Processes that draw or read; 0 does it in this one.
    """
    return DataLoader(
        _Drawn(samples, seed),
        batch_sampler=_BatchKeys(seed, shapes, batch_size, *batch_range),
        collate_fn=_Collate(*normalisation),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_one_thread,
    )


def _one_thread(_: int) -> None:
    """Keep a worker from taking the cores that the training itself needs."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
