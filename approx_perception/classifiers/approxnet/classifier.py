"""Run an ApproxNet with onnxruntime, without PyTorch."""

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
from approx_perception.detectors._base import read_class_names
from approx_perception.detectors._onnx_session import open_session
from approx_perception.detectors._shipped import SHIPPED_CAUTION
from approx_perception.exceptions import WeightsError, reason_of, shown

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
        If the device is not there.
    WeightsError
        If the file is missing, corrupt or no ApproxNet.
    """
    path = Path(options.weights) if options.weights else shipped_path()
    session = open_session(path, options)
    metadata = read_metadata(session.get_modelmeta().custom_metadata_map, path)
    classifier = ApproxNetClassifier(session, metadata, path)
    _try(classifier)
    if options.class_names_file is not None:
        names = read_class_names(options.class_names_file, len(metadata.class_names))
        classifier.class_names = names
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
            f"{classifier.weights_path} names {len(classifier.class_names)} classes, but its "
            f"network gives {shown(found.shape)}"
        )


class ApproxNetClassifier(Classifier):
    """One session for all branches.

    Parameters
    ----------
    session
        Of onnxruntime: images and the number of the exit in, probabilities out. Behind an exit
        that is taken nothing is computed.
    metadata
        What the file says of itself.
    path
        Of the file.

    Attributes
    ----------
    confidence
        Of a network that leaves by confidence: an earlier exit is taken where the best class of
        every region is at least so probable. Above 1, never.
    """

    def __init__(self, session: Any, metadata: Metadata, path: Path) -> None:
        self._session = session
        self.class_names = metadata.class_names
        self.pairs = metadata.pairs
        self.complexity_edges = metadata.complexity_edges
        self.weights_path = path
        self.confidence = 2.0
        self._is_by_confidence = any(each.name == "confidence" for each in session.get_inputs())
        self.device = session.get_providers()[0]
        self.description = f"approxnet {path.name} on {self.device}"

    @property
    def memory_bytes(self) -> int:
        """See `Classifier`: the file holds each weight once, and little else."""
        assert self.weights_path is not None
        return self.weights_path.stat().st_size

    def _classify(self, batch: Image, settings: ClassifierSettings) -> Array:
        inputs: dict[str, Any] = {"images": batch, "exit": np.array(settings.exit, np.int64)}
        if self._is_by_confidence:
            inputs["confidence"] = np.array(self.confidence, np.float32)
        given: list[Array] = self._session.run(None, inputs)
        return given[0]
