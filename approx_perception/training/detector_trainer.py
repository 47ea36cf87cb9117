"""Train the multi-branch Faster R-CNN from scratch on synthetic video."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models.detection.faster_rcnn import FasterRCNN

from approx_perception.datasets.synthetic import CLASS_NAMES
from approx_perception.detectors.faster_rcnn.from_torch.network import build_network, forward
from approx_perception.detectors.faster_rcnn.from_torch.weights import save_weights
from approx_perception.training.synthetic_batches import Batch, training_batches
from approx_perception.training.training_run import TrainingRun, check_positive

__all__ = ["DetectorTrainer", "TrainingRecipe"]


@dataclass(frozen=True)
class TrainingRecipe:
    """All that decides the outcome of a training run.

    Attributes
    ----------
    backbone
        A name of `BACKBONES`.
    iterations
        Number of batches; the learning rate falls to zero over them.
    batch_size
        Frames in a batch.
    learning_rate
        Highest rate of AdamW.
    weight_decay
        Of AdamW.
    shapes
        Short sides in px, one drawn for each batch: how one network learns all shapes.
    seed
        Of weights and data.
    """

    backbone: str = "compact"
    iterations: int = 6000
    batch_size: int = 8
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    shapes: tuple[int, ...] = (128, 160, 192, 224, 256, 288, 320, 352, 384, 448, 512, 576)
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive(self, ("iterations", "batch_size", "learning_rate"))


class DetectorTrainer(TrainingRun[FasterRCNN]):
    """See `TrainingRun`.

    Parameters
    ----------
    recipe
        What to train.
    folder
        Holds ``checkpoint.pt`` while it runs and ``weights.pt`` at the end.
    device
        Where to compute.
    workers
        Processes that draw frames.

    Raises
    ------
    WeightsError
        If the folder holds a checkpoint of another recipe.
    """

    def __init__(
        self, recipe: TrainingRecipe, folder: Path, device: torch.device, workers: int = 1
    ) -> None:
        self._device = device
        self._workers = workers
        torch.manual_seed(recipe.seed)
        network = build_network(recipe.backbone, len(CLASS_NAMES) + 1)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(recipe, network, folder)

    @property
    def weights_path(self) -> Path:
        """See `TrainingRun`."""
        return self.folder / "weights.pt"

    def _batches(self) -> Iterable[Batch]:
        transform = self._network.transform
        return training_batches(
            self.recipe.seed,
            self.recipe.shapes,
            self.recipe.batch_size,
            (self.iteration, self.recipe.iterations),
            (transform.image_mean, transform.image_std),
            self._workers,
        )

    def _gradients(self, batch: Batch) -> Tensor:
        images, sizes, targets = batch
        images = images.to(self._device)
        targets = [{key: value.to(self._device) for key, value in t.items()} for t in targets]
        with torch.autocast(self._device.type, torch.bfloat16):
            _, losses = forward(self._network, images, sizes, targets=targets)
        loss = torch.stack([value.float() for value in losses.values()]).sum()
        loss.backward()
        return loss

    def _save_weights(self) -> None:
        state = self._average.state_dict()
        save_weights(self.weights_path, state, self.recipe.backbone, CLASS_NAMES)
