"""Run an ApproxNet without PyTorch."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from approx_perception.classifiers._base import (
    Array,
    Classifier,
    ClassifierOptions,
    ClassifierSettings,
    Image,
)
from approx_perception.classifiers.approxnet.metadata import Metadata, read_metadata
from approx_perception.detectors._base import check_class_names, read_class_names
from approx_perception.detectors._shipped import SHIPPED_CAUTION
from approx_perception.exceptions import WeightsError, counted, reason_of, shown
from approx_perception.runtimes import Graph, open_reference, settled

__all__ = ["ApproxNetClassifier", "load_approxnet", "shipped_path"]


def shipped_path() -> Path:
    """File of the network that comes with the package."""
    folder = Path(str(resources.files("approx_perception.weights")))
    return folder / "approxnet_slim_synthetic.onnx"


def load_approxnet(options: ClassifierOptions) -> "ApproxNetClassifier":
    """Open a file and run its smallest pair once.

    Raises
    ------
    ConfigurationError
        If the runtime, its device or its precision is not there.
    WeightsError
        If the file is missing, corrupt or no ApproxNet.
    """
    path = Path(options.weights) if options.weights else shipped_path()
    graph = open_reference(path, options.for_graphs)
    metadata = read_metadata(graph.metadata, path)
    classifier = ApproxNetClassifier(graph, metadata)
    _try(classifier)
    pair = sorted(metadata.pairs)[len(metadata.pairs) // 2]
    noise = np.random.default_rng(0).integers(0, 256, (1, pair.shape, pair.shape, 3), np.uint8)
    best = settled(graph, options.for_graphs, classifier.inputs(noise, pair))
    classifier = ApproxNetClassifier(best, metadata)
    if options.class_names_file is not None:
        names = read_class_names(options.class_names_file, len(metadata.class_names))
        classifier.class_names = names
    check_class_names(classifier.class_names, path)
    if not options.weights:
        classifier.caution = SHIPPED_CAUTION
    return classifier


def _try(classifier: "ApproxNetClassifier") -> None:
    """Refuse a file whose graph does not do what its metadata says."""
    pair = min(classifier.pairs)
    image = np.zeros((pair.shape, pair.shape, 3), np.uint8)
    whole = np.array([[0, 0, pair.shape, pair.shape]], np.float32)
    try:
        found = classifier.classify(image, whole, pair)
    except Exception as error:
        raise WeightsError(
            f"{classifier.weights_path} fails at {pair}: {shown(reason_of(error))}"
        ) from error
    if found.shape != (1, len(classifier.class_names)):
        raise WeightsError(
            f"{classifier.weights_path} names {counted(len(classifier.class_names), 'class')}, "
            "but its "
            f"network gives {shown(found.shape)}"
        )


class ApproxNetClassifier(Classifier):
    """One graph for all branches.

    Parameters
    ----------
    graph
        Images and the number of the exit in, probabilities out. Behind an exit that is taken
        nothing is computed.
    metadata
        What the file says of itself.

    Attributes
    ----------
    confidence
        Of a network that leaves by confidence: an earlier exit is taken where the best class of
        every region is at least so probable. Above 1, never.
    """

    def __init__(self, graph: Graph, metadata: Metadata) -> None:
        self._graph = graph
        self.class_names = metadata.class_names
        self.pairs = metadata.pairs
        self.complexity_edges = metadata.complexity_edges
        self.weights_path = graph.source.path
        self.confidence = 2.0
        self._is_by_confidence = any(port.name == "confidence" for port in graph.inputs)
        self.runtime, self.device, self.precision = graph.runtime, graph.device, graph.precision
        self.runtime_reason = graph.reason
        self.description = f"approxnet {self.weights_path.name} {graph.words}"

    def told(self) -> dict[str, str]:
        """See `Classifier.told`."""
        exits = sorted({pair.exit for pair in self.pairs})
        shapes = sorted({pair.shape for pair in self.pairs})
        return {
            "recognised as": "approxnet: a classifier with several shapes and exits",
            "because": "its metadata say so",
            "shapes": f"{', '.join(map(str, shapes))} px, exits {exits[0]} to {exits[-1]}",
        }

    @property
    def memory_bytes(self) -> int:
        """See `Classifier`: the file holds each weight once, and little else."""
        assert self.weights_path is not None
        return self.weights_path.stat().st_size

    def inputs(self, batch: Image, settings: ClassifierSettings) -> dict[str, Any]:
        """What the graph takes for crops ``(N, shape, shape, 3)`` uint8 BGR."""
        inputs: dict[str, Any] = {"images": batch, "exit": np.array(settings.exit, np.int64)}
        if self._is_by_confidence:
            inputs["confidence"] = np.array(self.confidence, np.float32)
        return inputs

    def prepare(self, settings: ClassifierSettings) -> None:
        """See `Classifier.prepare`."""
        one = np.zeros((1, settings.shape, settings.shape, 3), np.uint8)
        self._graph.prepare(self.inputs(one, settings))

    def _classify(self, batch: Image, settings: ClassifierSettings) -> Array:
        return self._graph.run(self.inputs(batch, settings))[0]
