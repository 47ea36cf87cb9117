"""An ensemble of networks of which one is in memory at a time.

After "MCDNN: An Approximation-Based Execution Framework for Deep Stream Processing Under Resource
Constraints" (Han et al., MobiSys 2016), reduced to what comparisons need: each branch is a network
of its own, and the frame that takes another one pays for loading it.
"""

from collections.abc import Sequence
from dataclasses import replace

from approx_perception.classifiers import (
    Classifier,
    ClassifierOptions,
    ClassifierSettings,
    load_classifier,
)
from approx_perception.classifiers._base import Array, Image
from approx_perception.exceptions import ConfigurationError, shown

__all__ = ["SwappingClassifier"]


class SwappingClassifier(Classifier):
    """Opens the file of a branch when a frame wants it, and drops the one before.

    Parameters
    ----------
    family
        Of all files.
    files
        Weights; no branch may be in two of them.
    options
        For all files; their ``weights`` are not used.

    Raises
    ------
    ConfigurationError
        If a name is empty, files share a branch, or they differ in their classes.
    WeightsError
        If a file cannot be loaded.
    """

    def __init__(self, family: str, files: Sequence[str], options: ClassifierOptions) -> None:
        if not all(file.strip() for file in files):
            raise ConfigurationError(
                f"weights are {shown(','.join(files))}, in which a name is empty; write FILE, or "
                "FILE,FILE for an ensemble"
            )
        self._family, self._options = family, options
        self._file_of: dict[ClassifierSettings, str] = {}
        self._bytes_of: dict[str, int] = {}
        for file in files:
            self._swap(file)
            self._add(file)
        self.complexity_edges = self._network.complexity_edges
        first = self._network
        self.runtime, self.device, self.precision = first.runtime, first.device, first.precision
        self.pairs = tuple(sorted(self._file_of))
        self.description = f"{family} of {len(files)} files, one loaded at a time"

    def _add(self, file: str) -> None:
        network = self._network
        for pair in network.pairs:
            if other := self._file_of.get(pair):
                raise ConfigurationError(
                    f"weights {shown(file)} and {shown(other)} both have {pair}; an ensemble takes "
                    "each branch from one file"
                )
            self._file_of[pair] = file
        if getattr(self, "class_names", network.class_names) != network.class_names:
            raise ConfigurationError(
                f"weights {shown(file)} have other classes than those before: "
                f"{shown(network.class_names)}"
            )
        self.class_names = network.class_names
        self._bytes_of[file] = network.memory_bytes

    def _swap(self, file: str) -> None:
        self._network = load_classifier(self._family, replace(self._options, weights=file))
        self._loaded = file

    @property
    def memory_bytes(self) -> int:
        """See `Classifier`: the largest file, as only one is loaded."""
        return max(self._bytes_of.values())

    def _classify(self, batch: Image, settings: ClassifierSettings) -> Array:
        if (file := self._file_of[settings]) != self._loaded:
            self._swap(file)
        return self._network._classify(batch, settings)
