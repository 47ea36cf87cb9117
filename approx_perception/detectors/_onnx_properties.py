"""What an ONNX file says of itself beside its graph, read without a runtime."""

import mmap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from approx_perception.detectors._protobuf import Bytes, fields

__all__ = ["FASTER_RCNN_FORMAT", "is_exported", "properties_of"]

#: What a Faster R-CNN that was exported says of itself.
FASTER_RCNN_FORMAT = "approx_perception.faster_rcnn.onnx/1"

_PROPERTY = 14  # of the model
_KEY, _VALUE = 1, 2  # of a property


def properties_of(model: Bytes) -> dict[str, str]:
    """Properties of a model's content, by key.

    Raises
    ------
    ValueError
        If it is no ONNX file.
    """
    entries = [value for number, _, value in fields(model) if number == _PROPERTY]
    return {_text(entry, _KEY): _text(entry, _VALUE) for entry in entries}


def is_exported(path: Path) -> bool:
    """Whether a file is a Faster R-CNN of ``approx-perception export``; weights are not read."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return properties_of(content).get("format") == FASTER_RCNN_FORMAT
    return False


def _text(message: Bytes, wanted: int) -> str:
    texts: Iterator[str] = (
        str(value, "utf-8") for number, _, value in fields(message) if number == wanted
    )
    return next(texts, "")
