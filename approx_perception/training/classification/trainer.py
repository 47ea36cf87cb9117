"""Train all branches of an ApproxNet at once.

Sandwich rule and in-place distillation after "Universally Slimmable Networks and Improved Training
Techniques" (Yu and Huang, ICCV 2019): each step trains the largest branch, the smallest shape and
two by chance, and the largest teaches the others. On its way to an exit a branch passes earlier
ones; these are trained with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from approx_perception.classifiers import (
    ClassifierOptions,
    ClassifierSettings,
    load_classifier,
)
from approx_perception.classifiers.approxnet.metadata import Metadata
from approx_perception.exceptions import counted
from approx_perception.files import replace_bytes
from approx_perception.training.classification.accuracy import (
    edges_of,
    measure_accuracy,
    model_card,
)
from approx_perception.training.classification.approxnet.export import export
from approx_perception.training.classification.approxnet.network import (
    ApproxNet,
    architecture_of,
    valid_pairs,
)
from approx_perception.training.classification.batches import Batch, training_batches
from approx_perception.training.classification.data import TrainingData
from approx_perception.training.training_run import TrainingRun, check_positive, plain

__all__ = ["ClassifierRecipe", "ClassifierTrainer", "resized"]

_RANDOM_BRANCHES = 2
#: Of the loss of those that are taught: the rest is cross-entropy with the labels.
_TEACHER_SHARE = 0.5
#: Largest shape until a share of the run: small ones cost less, and what they teach stays.
_SHAPE_LIMITS = ((0.35, 128), (0.75, 160), (2.0, 10_000))


@dataclass(frozen=True)
class ClassifierRecipe:
    """All that decides the outcome of a training run.

    Attributes
    ----------
    backbone
        What `architecture_of` takes.
    iterations
        Number of batches; the learning rate falls to zero over them.
    batch_size
        Images in a batch.
    learning_rate
        Highest rate of AdamW.
    weight_decay
        Of AdamW.
    frozen_share
        Share of the batches, at the end, with the statistics of batch norm as they are used: one
        set for all shapes, to which weights then adapt.
    seed
        Of weights and data.
    """

    backbone: str = "slim"
    iterations: int = 3500
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    frozen_share: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive(self, ("iterations", "batch_size", "learning_rate"))


class ClassifierTrainer(TrainingRun[ApproxNet]):
    """See `TrainingRun`.

    Parameters
    ----------
    recipe
        What to train.
    data
        What to train on.
    folder
        Holds ``checkpoint.pt`` while it runs; at the end ``weights.onnx``, what its branches are
        worth (``weights.accuracy.json``) and the model card (``weights.md``).
    device
        Where to compute.
    workers
        Processes that read and augment.
    """

    def __init__(
        self,
        recipe: ClassifierRecipe,
        data: TrainingData,
        folder: Path,
        device: torch.device,
        workers: int = 0,
    ) -> None:
        torch.manual_seed(recipe.seed)
        architecture = architecture_of(recipe.backbone)
        network = ApproxNet(architecture, len(data.class_names))
        self._data, self._device, self._workers = data, device, workers
        self._pairs = valid_pairs(architecture)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(recipe, network, folder)

    @property
    def weights_path(self) -> Path:
        """See `TrainingRun`."""
        return self.folder / "weights.onnx"

    def _save_weights(self) -> None:
        """Write weights, then what they are worth on images that were held out."""
        data, path = self._data, self.weights_path
        edges = edges_of(data.typical())
        export(self._average, path, Metadata(data.class_names, self._pairs, edges))
        classifier = load_classifier("approxnet", ClassifierOptions(str(path), device="cpu"))
        table = measure_accuracy(classifier, data.held_out())
        count = counted(int(table.frames.sum()), "held-out image")
        origin = f"{self.recipe.backbone} trained on {data.name}; top-1 of {count}"
        table.save(path.with_suffix(".accuracy.json"), origin)
        card = model_card(table, data.name, plain(self.recipe))
        replace_bytes(path.with_suffix(".md"), card.encode())

    def _batches(self) -> Iterable[Batch]:
        recipe = self.recipe
        positions = self.iteration, recipe.iterations
        return training_batches(
            self._data.pool, recipe.seed, recipe.batch_size, positions, self._workers
        )

    def _gradients(self, batch: Batch) -> Tensor:
        progress = self.iteration / self.recipe.iterations
        if progress >= 1 - self.recipe.frozen_share:
            _freeze_statistics(self._network)
        images = batch[0].to(self._device, torch.float32, memory_format=torch.channels_last)
        labels = batch[1].to(self._device)
        teacher: Tensor | None = None
        total = torch.zeros((), device=self._device)
        for branch in self._branches(progress):
            logits = self._network(resized(images, branch.shape), branch.exit)
            # A teacher must have learned before it can teach.
            share = _TEACHER_SHARE * min(1.0, 2 * progress)
            loss = torch.stack([_loss(each, labels, teacher, share) for each in logits]).mean()
            loss.backward()
            if teacher is None:
                teacher = logits[-1].detach().softmax(1)
            total += loss.detach()
        return total

    def _branches(self, progress: float) -> list[ClassifierSettings]:
        """Branches of this step; the first one teaches."""
        limit = next(shape for end, shape in _SHAPE_LIMITS if progress < end)
        pairs = [pair for pair in self._pairs if pair.shape <= limit] or [
            replace(pair, shape=limit) for pair in self._pairs
        ]
        smallest = max(pair for pair in pairs if pair.shape == pairs[0].shape)
        rng = np.random.default_rng([self.recipe.seed, 3, self.iteration])
        chosen = rng.choice(len(pairs), _RANDOM_BRANCHES)
        # Each once: a network of one pair has nobody to teach.
        return list(dict.fromkeys([max(pairs), smallest, *(pairs[int(i)] for i in chosen)]))


def _loss(logits: Tensor, labels: Tensor, teacher: Tensor | None, share: float) -> Tensor:
    """Cross-entropy with the labels and, for those that are taught, with the teacher."""
    loss = functional.cross_entropy(logits, labels)
    if teacher is None:
        return loss
    taught = functional.cross_entropy(logits, teacher)
    return (1 - share) * loss + share * taught


def resized(images: Tensor, shape: int) -> Tensor:
    """Make images smaller as `crop` does.

    Parameters
    ----------
    images
        ``(N, 3, H, H)`` float.
    shape
        The new side in px.
    """
    while images.shape[-1] >= 2 * shape:
        images = functional.avg_pool2d(images, 2)
    if images.shape[-1] == shape:
        return images
    return functional.interpolate(images, (shape, shape), mode="bilinear", align_corners=False)


def _freeze_statistics(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
