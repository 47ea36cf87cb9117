"""An ONNX file, opened: how images are given to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.detectors._onnx_properties import FASTER_RCNN_FORMAT
from approx_perception.detectors.onnx._preparation import Preparation, Size, as_numbers
from approx_perception.exceptions import WeightsError, choices, shown
from approx_perception.runtimes import Graph

__all__ = ["NetworkFile", "file_of"]

_DTYPES = ("float32", "float16", "float64", "uint8")
#: Inputs beside the image, by name: what they take for an input of a width and height. Where a
#: network scales its boxes to the image, it is told that the image has the size of its input.
_OTHER_INPUTS: dict[str, Callable[[int, int], npt.NDArray[Any]]] = {
    "orig_target_sizes": lambda width, height: np.array([[width, height]], np.int64),
    "scale_factor": lambda width, height: np.ones((1, 2), np.float32),
    "im_shape": lambda width, height: np.array([[height, width]], np.float32),
}
_LEAST_SIDE = 32
#: A file of larger fixed sides would take gigabytes for each image.
_MOST_INPUT_PX = 4096 * 4096


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFile:
    """A loaded file.

    Attributes
    ----------
    graph
        Of the file, opened.
    image_input
        Name of the input that takes the image.
    axes
        Where its rows and columns are among its dimensions.
    dtype
        What it takes.
    has_batch
        Whether its first dimension is the batch.
    fixed_size
        Width and height that the file was exported for; None where they are free.
    is_square
        Whether the sides are free but one symbol.
    """

    graph: Graph
    image_input: str
    axes: tuple[int, int]
    dtype: Any
    has_batch: bool
    fixed_size: Size | None
    is_square: bool

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.graph.source.path

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the exporter wrote into the file."""
        return self.graph.metadata

    def run(self, canvas: npt.NDArray[np.uint8], how: Preparation) -> list[Any]:
        """Outputs for an image ``(H, W, 3)`` of the input's size."""
        return self.graph.run(self.inputs(canvas, how))

    def inputs(self, canvas: npt.NDArray[np.uint8], how: Preparation) -> dict[str, Any]:
        """What the graph takes for an image ``(H, W, 3)`` of the input's size."""
        blob = as_numbers(canvas, how, self.dtype)
        if self.axes[0] == int(self.has_batch):  # channels last
            blob = blob.transpose(1, 2, 0)
        given = {self.image_input: np.ascontiguousarray(blob[None] if self.has_batch else blob)}
        for port in self.graph.inputs:
            if port.name != self.image_input:
                value = _OTHER_INPUTS[port.name](canvas.shape[1], canvas.shape[0])
                given[port.name] = value.astype(np.int32) if port.dtype == "int32" else value
        return given

    def described(self) -> str:
        """Inputs and outputs as the file tells them."""
        inputs, outputs = (
            ", ".join(f"{each.name} {shown(each.sides)} {each.dtype}" for each in side)
            for side in (self.graph.inputs, self.graph.outputs)
        )
        return f"it takes {shown(inputs)[1:-1]} and gives {shown(outputs)[1:-1]}"


def file_of(graph: Graph) -> NetworkFile:
    """Find the input that takes an image.

    Raises
    ------
    WeightsError
        If there is none, or another input is of no known meaning.
    """
    path, inputs = graph.source.path, graph.inputs
    images = [each for each in inputs if each.name not in _OTHER_INPUTS]
    if len(images) != 1:
        if graph.metadata.get("format") == FASTER_RCNN_FORMAT:
            raise WeightsError(f"{path} is a Faster R-CNN, for the detector faster_rcnn")
        if "approxnet" in graph.metadata.get("format", ""):
            raise WeightsError(
                f"{path} is a classifier, for the task classification (or classification_node)"
            )
        names = ", ".join(each.name for each in inputs)
        raise _refusal(
            path, f"it takes {len(inputs)} inputs ({shown(names)}); one is to be the image, and "
            f"others can be {', '.join(_OTHER_INPUTS)}"
        )  # fmt: skip
    if not graph.outputs:
        raise _refusal(path, "it has no outputs")
    shape, dtype, name = images[0].sides, images[0].dtype, images[0].name
    if dtype not in _DTYPES:
        raise _refusal(path, f"its input is of {dtype}, not of {choices(_DTYPES)}")
    axes = _axes(shape, path)
    rows, columns = (shape[axis] for axis in axes)
    numbers = [side for side in (columns, rows) if isinstance(side, int)]
    # One number stands for both.
    fixed_size = (numbers[0], numbers[-1]) if numbers else None
    if fixed_size and not _takes_images(*fixed_size):
        raise _refusal(
            path, f"its input {shown(shape)} is of {fixed_size[0]}x{fixed_size[1]} px; sides must "
            f"be {_LEAST_SIDE} px or more, and {_MOST_INPUT_PX} px in all or less"
        )  # fmt: skip
    is_square = rows is not None and rows == columns
    return NetworkFile(graph, name, axes, np.dtype(dtype), len(shape) == 4, fixed_size, is_square)


def _axes(shape: list[Any], path: Path) -> tuple[int, int]:
    """Which dimensions are rows and columns."""
    if not shape:
        raise _refusal(path, "its input does not say how many dimensions it has")
    if len(shape) not in (3, 4):
        raise _refusal(path, f"its input has the shape {shown(shape)}")
    batch = len(shape) - 3
    if batch and isinstance(shape[0], int) and shape[0] != 1:
        raise _refusal(path, f"it was exported for batches of {shape[0]} images")
    first, last = shape[batch], shape[-1]
    if first != 3 and last == 3:
        return batch, batch + 1
    if isinstance(first, int) and first != 3:
        raise _refusal(path, f"its input {shown(shape)} has {first} channels")
    return batch + 1, batch + 2


def _refusal(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} is no detector that can be used: {reason}; expected is an image input "
        "(1, 3, height, width) or (1, height, width, 3)"
    )


def _takes_images(width: int, height: int) -> bool:
    return min(width, height) >= _LEAST_SIDE and width * height <= _MOST_INPUT_PX
