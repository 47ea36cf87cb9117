"""What every runtime offers, and what a graph is."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt

from approx_perception.exceptions import WeightsError
from approx_perception.files import file_sha256

__all__ = [
    "PRECISIONS",
    "Array",
    "Arrays",
    "Graph",
    "GraphSource",
    "Port",
    "Runtime",
    "RuntimeOptions",
]

#: What a user may name; ``auto`` is the fastest one that gives nearly the same.
PRECISIONS = ("auto", "float32", "bfloat16", "float16")

Array = npt.NDArray[Any]
#: By the name of the input.
Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How a user wants graphs to be run.

    Attributes
    ----------
    runtime
        Name of a runtime, or ``auto``.
    precision
        ``float32``, ``bfloat16``, ``float16``, or ``auto``.
    device
        ``cpu``, ``cuda``, ``tensorrt``, or ``auto``; a number after a colon names one of several.
    num_threads
        CPU threads of one run.
    """

    runtime: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    num_threads: int = 2


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output of a graph.

    Attributes
    ----------
    name
        As in the file.
    shape
        Length of each dimension, None where it is free; None for what is no tensor.
    dtype
        As NumPy names it, such as ``float32``; the runtime's own word for what is no tensor.
    symbols
        Names of the free dimensions, empty where there is none; two that are alike have one name.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    symbols: tuple[str, ...] = ()

    @property
    def sides(self) -> list[int | str | None]:
        """Shape with symbols in place of None, where there are any."""
        return [symbol or side for side, symbol in zip(self.shape or (), self.symbols, strict=True)]


@dataclass(frozen=True)
class GraphSource:
    """Where a graph comes from.

    Attributes
    ----------
    path
        ONNX file; named in errors.
    content
        Another graph that was made of it; None for the file's own.
    """

    path: Path
    content: bytes | None = None

    @cached_property
    def digest(self) -> str:
        """Hash of the graph."""
        if self.content is None:
            return file_sha256(self.path, "weights file", WeightsError)
        return hashlib.sha256(self.content).hexdigest()


class Graph(ABC):
    """One resident graph, run from one thread at a time.

    Attributes
    ----------
    source
        What it was opened from.
    inputs, outputs
        In the order of the file.
    metadata
        What the exporter wrote into the file.
    runtime, device, precision
        What runs it, on what, and in what numbers.
    reason
        Why these, as a clause for the user; empty where nothing was to choose.
    """

    reason: str = ""
    source: GraphSource
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str]
    runtime: str
    device: str
    precision: str

    @abstractmethod
    def run(self, inputs: Arrays) -> list[Array]:
        """Compute the outputs, in the order of `outputs`.

        Parameters
        ----------
        inputs
            One array for each of `inputs`, of its dtype; not written to.

        Raises
        ------
        Exception
            Whatever the library raises where the graph does not take them.
        """

    def prepare(self, inputs: Arrays) -> None:  # noqa: B027
        """Get ready for inputs of these shapes, at start; others run as well, perhaps slower."""

    @property
    def words(self) -> str:
        """What runs it, for descriptions of networks."""
        return f"in {self.runtime} on {self.device}, {self.precision}"


class Runtime(ABC):
    """A library that runs graphs; asked once for each graph that is opened.

    Attributes
    ----------
    name
        As the user writes it.
    compiles_shapes
        Whether it may be faster at shapes that it is prepared for.
    """

    name: ClassVar[str]
    compiles_shapes: ClassVar[bool] = False

    @abstractmethod
    def devices(self) -> tuple[str, ...]:
        """Devices that the library was built for; whether they are there shows when one is opened.

        Those that are faster, as a rule, come first.
        """

    def devices_of_auto(self) -> tuple[str, ...]:
        """Those that are tried where the user names none."""
        return self.devices()

    @abstractmethod
    def precisions(self, device: str) -> tuple[str, ...]:
        """Precisions that a device has units for, float32 first."""

    @abstractmethod
    def open(
        self,
        source: GraphSource,
        device: str,
        precision: str,
        num_threads: int,
        per_shape: bool = False,
    ) -> Graph:
        """Load a graph.

        Parameters
        ----------
        source
            What to load.
        device, precision
            Of those that there are.
        num_threads
            CPU threads of one run.
        per_shape
            Whether `Graph.prepare` is to compile a graph for each shape; takes memory.

        Raises
        ------
        ConfigurationError
            If the device fails.
        WeightsError
            If the runtime cannot read the graph.
        """
