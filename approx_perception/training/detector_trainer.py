"""Train the multi-branch Faster R-CNN from scratch on synthetic video."""

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models.detection.faster_rcnn import FasterRCNN

from approx_perception.datasets.synthetic import CLASS_NAMES
from approx_perception.detectors._torch_files import read_state, replace_state
from approx_perception.detectors.faster_rcnn.network import build_network, forward
from approx_perception.detectors.faster_rcnn.weights import save_weights
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.training.synthetic_batches import Batch, training_batches

__all__ = ["DetectorTrainer", "TrainingRecipe"]

_CHECKPOINT_EVERY = 250
_WARM_UP_ITERATIONS = 300
_AVERAGE_DECAY = 0.998
_GRADIENT_LIMIT = 5.0


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
        for name in ("iterations", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; it must be above 0")


class DetectorTrainer:
    """A training run that can be stopped at any time and resumed from its folder.

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
        self.recipe = recipe
        self._folder = folder
        self._device = device
        self._workers = workers
        torch.manual_seed(recipe.seed)
        network = build_network(recipe.backbone, len(CLASS_NAMES) + 1)
        self._network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        #: Running average of the weights: what is saved and used.
        self._average: FasterRCNN = copy.deepcopy(self._network).eval()
        self._optimizer = torch.optim.AdamW(
            _decay_groups(self._network, recipe.weight_decay), lr=recipe.learning_rate
        )
        self.iteration = 0
        self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """Where the run goes on from."""
        return self._folder / "checkpoint.pt"

    @property
    def weights_path(self) -> Path:
        """What the run leaves."""
        return self._folder / "weights.pt"

    def _resume(self) -> None:
        if not self.checkpoint_path.exists():
            return
        state = read_state(self.checkpoint_path)
        if missing := {"recipe", "iteration", "network", "average", "optimizer"} - set(state):
            raise WeightsError(f"{self.checkpoint_path} is no checkpoint: it lacks {min(missing)}")
        if state["recipe"] != _plain(self.recipe):
            raise WeightsError(
                f"{self.checkpoint_path} belongs to the recipe {state['recipe']}, not to "
                f"{_plain(self.recipe)}; choose another folder"
            )
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.iteration = state["iteration"]

    def _save_checkpoint(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": _plain(self.recipe),
            "iteration": self.iteration,
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        replace_state(self.checkpoint_path, state)

    def train(self, report: Callable[[int, float], None]) -> None:
        """Run to the end, from where the folder's checkpoint stands.

        Parameters
        ----------
        report
            Called after each batch with the number of batches done and the loss.
        """
        transform = self._network.transform
        batches = training_batches(
            self.recipe.seed,
            self.recipe.shapes,
            self.recipe.batch_size,
            (self.iteration, self.recipe.iterations),
            (transform.image_mean, transform.image_std),
            self._workers,
        )
        self._network.train()
        for batch in batches:
            loss = self._step(batch)
            self.iteration += 1
            if self.iteration % _CHECKPOINT_EVERY == 0:
                self._save_checkpoint()
            report(self.iteration, loss)
        self._save_checkpoint()
        save_weights(
            self.weights_path, self._average.state_dict(), self.recipe.backbone, CLASS_NAMES
        )

    def _step(self, batch: Batch) -> float:
        images, sizes, targets = batch
        images = images.to(self._device)
        targets = [{key: value.to(self._device) for key, value in t.items()} for t in targets]
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        with torch.autocast(self._device.type, torch.bfloat16):
            _, losses = forward(self._network, images, sizes, targets=targets)
        loss = torch.stack([value.float() for value in losses.values()]).sum()
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), _GRADIENT_LIMIT)
        self._optimizer.step()
        self._update_average()
        return float(loss.detach())

    def _learning_rate(self) -> float:
        """Linear warm-up, then half a cosine."""
        warm_up = min(1.0, (self.iteration + 1) / _WARM_UP_ITERATIONS)
        cosine = 0.5 * (1 + math.cos(math.pi * self.iteration / self.recipe.iterations))
        return self.recipe.learning_rate * warm_up * cosine

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(_AVERAGE_DECAY, (1 + self.iteration) / (10 + self.iteration))
        pairs = zip(
            self._average.state_dict().values(), self._network.state_dict().values(), strict=True
        )
        for average, current in pairs:
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)


def _plain(recipe: TrainingRecipe) -> dict[str, Any]:
    return {**asdict(recipe), "shapes": list(recipe.shapes)}


def _decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices only: biases and normalisation keep their scale."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
