"""Endless training batches of synthetic frames, each a pure function of seed and position."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from approx_perception.datasets.synthetic import SCENARIOS, SyntheticVideo
from approx_perception.detectors.faster_rcnn.detector import resized_size
from approx_perception.detectors.faster_rcnn.from_torch.network import padded_size

__all__ = ["Batch", "training_batches"]

#: Frames of one video are alike: each sample is another video, at a random moment.
_MOMENTS = 600

Sample = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.int64]]
Batch = tuple[Tensor, list[tuple[int, int]], list[dict[str, Tensor]]]


class _SyntheticSamples(Dataset[Sample]):
    """Sample ``(position, shape)``: an RGB image of that shape, its boxes and labels."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        position, shape = key
        rng = np.random.default_rng([self._seed, position])
        scenario = str(rng.choice(list(SCENARIOS)))
        video = SyntheticVideo(scenario, "train", int(rng.integers(2**31)), _MOMENTS)
        rendered = video.render(int(rng.integers(_MOMENTS)))
        height, width = rendered.image.shape[:2]
        size = resized_size(height, width, shape)
        small = cv2.resize(rendered.image, size[::-1], interpolation=cv2.INTER_LINEAR)
        truth = rendered.ground_truth
        kept = ~truth.ignored
        scale = np.array([size[1] / width, size[0] / height] * 2, np.float32)
        return (
            cv2.cvtColor(small, cv2.COLOR_BGR2RGB).astype(np.uint8),
            truth.boxes[kept] * scale,
            truth.class_ids[kept] + 1,
        )


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
    seed
        Another seed, other frames.
    shapes
        Short sides in px to draw from, one for each batch.
    batch_size
        Frames in a batch.
    batch_range
        First batch and the one after the last.
    normalisation
        Mean and standard deviation of RGB in 0..1, as the network wants them.
    workers
        Processes that draw frames; 0 draws them in this one.
    """
    return DataLoader(
        _SyntheticSamples(seed),
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
