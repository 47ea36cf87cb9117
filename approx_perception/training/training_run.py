"""What training runs of all networks share: steps, average of the weights, checkpoints."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from approx_perception.detectors._torch_files import read_state, replace_state
from approx_perception.exceptions import ConfigurationError, WeightsError

__all__ = ["SYNTHETIC", "Recipe", "TrainingRun", "check_positive", "plain"]

#: Names what we draw ourselves as training data.
SYNTHETIC = "synthetic"

_CHECKPOINT_EVERY = 250
_WARM_UP_ITERATIONS = 300
_AVERAGE_DECAY = 0.998
_GRADIENT_LIMIT = 5.0

N = TypeVar("N", bound=nn.Module)


class Recipe(Protocol):
    """What every recipe has; see `TrainingRecipe`."""

    @property
    def iterations(self) -> int:
        """Number of batches."""

    @property
    def learning_rate(self) -> float:
        """Highest rate of AdamW."""

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""

    @property
    def seed(self) -> int:
        """Of weights and data."""


def check_positive(recipe: object, names: Iterable[str]) -> None:
    """Refuse numbers of a recipe that are not above 0.

    Raises
    ------
    ConfigurationError
        Naming the first.
    """
    for name in names:
        if getattr(recipe, name) <= 0:
            raise ConfigurationError(f"{name} is {getattr(recipe, name)}; it must be above 0")


class TrainingRun(ABC, Generic[N]):
    """A training run that can be stopped at any time and resumed from its folder.

    Parameters
    ----------
    recipe
        A dataclass: all that decides the outcome.
    network
        On its device.
    folder
        Holds ``checkpoint.pt`` while it runs.

    Raises
    ------
    WeightsError
        If the folder holds a checkpoint of another recipe.
    """

    def __init__(self, recipe: Any, network: N, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        self._network = network
        #: Running average of the weights: what is saved and used.
        self._average = copy.deepcopy(network).eval()
        self._optimizer = torch.optim.AdamW(
            _decay_groups(network, recipe.weight_decay), lr=recipe.learning_rate
        )
        self.iteration = 0
        self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """Where the run goes on from."""
        return self.folder / "checkpoint.pt"

    @property
    @abstractmethod
    def weights_path(self) -> Path:
        """What the run leaves."""

    @abstractmethod
    def _batches(self) -> Iterable[Any]:
        """Batches from `iteration` to the end of the recipe."""

    @abstractmethod
    def _gradients(self, batch: Any) -> Tensor:
        """Add a batch's gradients to those of the network; return its loss."""

    @abstractmethod
    def _save_weights(self) -> None:
        """Write the average to `weights_path`."""

    def train(self, report: Callable[[int, float], None]) -> None:
        """Run to the end, from where the folder's checkpoint stands.

        Parameters
        ----------
        report
            Called after each batch with the number of batches done and the loss.
        """
        self._network.train()
        for batch in self._batches():
            loss = self._step(batch)
            self.iteration += 1
            if self.iteration % _CHECKPOINT_EVERY == 0:
                self._save_checkpoint()
            report(self.iteration, loss)
        self._save_checkpoint()
        self._save_weights()

    def _step(self, batch: Any) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self._optimizer.zero_grad()
        loss = self._gradients(batch)
        nn.utils.clip_grad_norm_(self._network.parameters(), _GRADIENT_LIMIT)
        self._optimizer.step()
        self._update_average()
        return float(loss.detach())

    def _learning_rate(self) -> float:
        """Linear warm-up, then half a cosine."""
        warm_up = min(1.0, (self.iteration + 1) / _WARM_UP_ITERATIONS)
        cosine = 0.5 * (1 + math.cos(math.pi * self.iteration / self.recipe.iterations))
        return float(self.recipe.learning_rate * warm_up * cosine)

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

    def _resume(self) -> None:
        if not self.checkpoint_path.exists():
            return
        state = read_state(self.checkpoint_path)
        if missing := {"recipe", "iteration", "network", "average", "optimizer"} - set(state):
            raise WeightsError(f"{self.checkpoint_path} is no checkpoint: it lacks {min(missing)}")
        if state["recipe"] != plain(self.recipe):
            raise WeightsError(
                f"{self.checkpoint_path} belongs to the recipe {state['recipe']}, not to "
                f"{plain(self.recipe)}; choose another folder"
            )
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.iteration = state["iteration"]

    def _save_checkpoint(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": plain(self.recipe),
            "iteration": self.iteration,
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        replace_state(self.checkpoint_path, state)


def plain(recipe: Any) -> dict[str, Any]:
    """Return a recipe as it stands in files."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(recipe).items()
    }


def _decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices only: biases and normalisation keep their scale."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
