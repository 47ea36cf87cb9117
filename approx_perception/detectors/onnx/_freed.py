"""Give a file that was exported for one size other sizes, where its graph allows it."""

from typing import Any

import numpy as np

from approx_perception.detectors._base import DetectorOptions
from approx_perception.detectors._test_picture import test_picture
from approx_perception.detectors.onnx._file import NetworkFile, file_of
from approx_perception.detectors.onnx._graph import with_free_sides
from approx_perception.detectors.onnx._preparation import Size
from approx_perception.detectors.onnx._recognition import RecognisedNetwork
from approx_perception.exceptions import ApproxPerceptionError, reason_of
from approx_perception.files import read_bytes
from approx_perception.runtimes import open_reference

__all__ = ["freed"]

_LARGEST_DIFFERENCE = 1e-3
#: Sides of the sizes that are tried, as shares of the file's: smaller and larger, no two alike.
_OTHER_SIZES = ((0.5, 0.75), (1.25, 1.5))
_COARSEST_STRIDE = 64


class _CannotChangeError(Exception):
    """Why sides are fixed, as a clause."""


def freed(network: RecognisedNetwork, options: DetectorOptions) -> tuple[NetworkFile | None, str]:
    """Try the graph with symbols for its height and width.

    It is kept only if it gives the same as the original at the original's size, and a row a cell
    at two others. Of rows that are not of cells it does not show whether they are right.

    Returns
    -------
    file
        With free sides, or None.
    why
        A clause where there is none.
    """
    file = network.file
    if not file.fixed_size:
        return None, ""
    if not network.convention.strides:
        return None, "what it gives does not show whether another size is right"
    try:
        return _tried(network, options, file.fixed_size), ""
    except _CannotChangeError as reason:
        return None, str(reason)


def _tried(network: RecognisedNetwork, options: DetectorOptions, own: Size) -> NetworkFile:
    file, preparation = network.file, network.preparation
    try:
        graph = with_free_sides(read_bytes(file.path, "weights"), file.image_input, file.axes)
        other = file_of(open_reference(file.path, options.for_graphs, graph))
        picture = test_picture(own)
        outputs = other.run(picture, preparation)
    except Exception as error:  # whatever the runtime raises
        raise _CannotChangeError(f"its graph takes no other: {reason_of(error, 160)}") from error
    if not _are_alike(outputs, file.run(picture, preparation)):
        raise _CannotChangeError("its graph gives other numbers when its sides are free")
    for shares in _OTHER_SIZES:
        _check_size(network, other, _size_of(own, shares))
    return other


def _size_of(own: Size, shares: tuple[float, float]) -> Size:
    columns, rows = (
        max(round(side * share / _COARSEST_STRIDE), 1) * _COARSEST_STRIDE
        for side, share in zip(own, shares, strict=True)
    )
    return columns, rows


def _are_alike(outputs: list[Any], originals: list[Any]) -> bool:
    for output, original in zip(outputs, originals, strict=True):
        if output.shape != original.shape:
            return False
        largest = np.abs(original, where=np.isfinite(original), out=np.zeros(original.shape)).max()
        if not np.allclose(output, original, 0, _LARGEST_DIFFERENCE * largest, equal_nan=True):
            return False
    return True


def _check_size(network: RecognisedNetwork, other: NetworkFile, size: Size) -> None:
    where = f"at {size[0]}x{size[1]} px"
    try:
        outputs = other.run(test_picture(size), network.preparation)
    except Exception as error:  # whatever the runtime raises
        raise _CannotChangeError(f"its graph is of that size: it fails {where}") from error
    try:
        convention = network.convention
        problem = convention.mismatch(outputs, size) or convention.problem(outputs, size)
    except ApproxPerceptionError as error:
        problem = str(error)
    if problem:
        raise _CannotChangeError(f"{where} {problem}")
