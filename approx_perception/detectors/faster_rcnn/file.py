"""Find and check the file of a Faster R-CNN."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from approx_perception import __version__
from approx_perception.detectors._base import read_class_names
from approx_perception.detectors._onnx_properties import FASTER_RCNN_FORMAT, properties_of
from approx_perception.detectors._shipped import shipped_weights_path
from approx_perception.detectors.faster_rcnn.metadata import Metadata, read_metadata
from approx_perception.exceptions import WeightsError, reason_of, shown
from approx_perception.extras import needed_for
from approx_perception.files import file_sha256, read_bytes, user_cache
from approx_perception.notices import notice

if TYPE_CHECKING:
    from approx_perception.detectors.faster_rcnn.from_torch.weights import LoadedNetwork

__all__ = ["NetworkFile", "open_file"]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFile:
    """An exported network, not yet run.

    Attributes
    ----------
    path
        The ONNX file.
    content
        What stands in it.
    metadata
        What it says of itself.
    name
        Of the weights as the user knows them.
    weights_path
        Their file, beside which tables about them lie; None where they come by name.
    weights_digest
        Hash of weights that come by name; else empty.
    """

    path: Path
    content: bytes
    metadata: Metadata
    name: str
    weights_path: Path | None
    weights_digest: str = ""


def open_file(weights: str, class_names_file: Path | None) -> NetworkFile:
    """Read an exported network; what is no ONNX file is exported first, which needs PyTorch.

    Parameters
    ----------
    weights
        A file of ``approx-perception export``, or what that takes; empty for the shipped network.
    class_names_file
        In place of the file's own names; None for these.

    Raises
    ------
    ConfigurationError
        If PyTorch is needed and missing.
    WeightsError
        If the file is missing, corrupt, of another network, or the names do not fit.
    """
    if weights and not weights.lower().endswith(".onnx"):
        return _exported_on_load(weights, class_names_file)
    path = Path(weights) if weights else shipped_weights_path()
    file = _read(path)
    if class_names_file is None:
        return file
    names = read_class_names(class_names_file, len(file.metadata.class_names))
    return replace(file, metadata=replace(file.metadata, class_names=names))


def _read(path: Path) -> NetworkFile:
    content = read_bytes(path, "weights file", WeightsError)
    try:
        properties = properties_of(content)
    except ValueError as error:
        raise WeightsError(f"{path} is no ONNX file: {reason_of(error)}") from error
    return NetworkFile(path, content, read_metadata(properties, path), path.name, path)


def _exported_on_load(weights: str, class_names_file: Path | None) -> NetworkFile:
    """Export what torch reads, once: a later start finds it in the user's cache."""
    is_name = "_Weights." in weights and not os.path.lexists(weights)
    loaded = _load_in_torch(weights, class_names_file) if is_name else None
    digest = loaded.digest if loaded else file_sha256(Path(weights), "weights file", WeightsError)
    names = read_bytes(class_names_file, "class names", WeightsError) if class_names_file else b""
    key = hashlib.sha256(f"{FASTER_RCNN_FORMAT} {__version__} {digest} ".encode() + names)
    kept = user_cache() / "exported" / f"{key.hexdigest()[:32]}.onnx"
    if not kept.is_file():
        loaded = loaded or _load_in_torch(weights, class_names_file)
        from approx_perception.detectors.faster_rcnn.from_torch.export import write_export

        write_export(loaded, kept)
        notice(f"{weights} was exported to ONNX, which is kept as {kept}")
    file = replace(_read(kept), name=weights if is_name else Path(weights).name)
    if is_name:
        return replace(file, weights_path=None, weights_digest=digest)
    return replace(file, weights_path=Path(weights))


def _load_in_torch(weights: str, class_names_file: Path | None) -> "LoadedNetwork":
    with needed_for(f"the network {shown(weights)}", "train"):
        from approx_perception.detectors.faster_rcnn.from_torch.weights import load_weights
    return load_weights(weights, class_names_file)
