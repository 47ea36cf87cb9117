"""What a task offers to those who assemble its kernel."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import AccuracyPredictor
from approx_perception.assembly.options import KernelOptions
from approx_perception.kernels import Kernel
from approx_perception.weights.cache import Report

__all__ = ["NeuralNetwork", "Task"]


class NeuralNetwork(Protocol):
    """What runs in a kernel, as loaded: a detector or a classifier.

    Attributes
    ----------
    class_names
        What class ids mean.
    description
        Network, weights and device, for humans and result files.
    caution
        What a user of real images must know of it; empty for nothing.
    weights_path
        File of the weights, beside which tables about them lie; None for one without a file.
    runtime, device, precision
        What runs it, on what, and in what numbers.
    runtime_reason
        Why that runtime and precision, in words; empty where nothing was to choose.
    """

    class_names: tuple[str, ...]
    description: str
    caution: str
    weights_path: Path | None
    runtime: str
    device: str
    precision: str
    runtime_reason: str

    @property
    def fingerprint(self) -> str:
        """Family and weights, for telling whether a profile is of this network."""
        ...

    def told(self) -> dict[str, str]:
        """What the weights were taken for and why, by heading."""
        ...


class Task(ABC):
    """Turns a user's options into a kernel; without state.

    Attributes
    ----------
    name
        As the user writes it.
    family_word
        Option that names the family of the network.
    """

    name: str
    family_word: str

    @abstractmethod
    def family(self, options: KernelOptions) -> str:
        """Family of the network that is loaded; its shipped space has the same name.

        Raises
        ------
        ConfigurationError
            If there is none of that name.
        """

    def note(self, options: KernelOptions) -> str:
        """A sentence where something else is loaded than is named, else empty."""
        return ""

    def caution(self, options: KernelOptions) -> str:
        """What a user of real images must know, as far as that is known before loading."""
        return ""

    def fetch(self, options: KernelOptions, report: Report) -> None:  # noqa: B027
        """Download a network that is named, where it is not there yet.

        Raises
        ------
        WeightsError
            If it cannot be had.
        """

    @abstractmethod
    def load(self, options: KernelOptions, num_threads: int) -> NeuralNetwork:
        """Load the network.

        Raises
        ------
        ConfigurationError
            If an option cannot be used.
        WeightsError
            If the weights are missing, corrupt or of another network.
        """

    def fitted(self, space: Any, network: Any) -> Any:
        """The family's shipped space, brought to what the network can do."""
        return space

    @abstractmethod
    def kernel(self, network: Any, space: Any) -> Kernel:
        """Build the kernel of a network that `load` returned and a space of this task.

        Raises
        ------
        ConfigurationError
            If the network cannot run a branch.
        """

    @abstractmethod
    def state_options(self, options: KernelOptions) -> object:
        """What ``options`` of the kernel's state are to be."""

    @abstractmethod
    def table_accuracy(
        self, space: Any, table: Path | None
    ) -> tuple[AccuracyPredictor, npt.NDArray[np.float64]]:
        """What branches are worth by the table that ships with weights, None if there is none.

        Returns
        -------
        tuple
            A predictor, and ``(B,)`` the same whatever is in view.

        Raises
        ------
        ConfigurationError
            If the file is no such table.
        """
