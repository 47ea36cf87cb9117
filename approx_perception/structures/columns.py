"""Long columns from many short ones, without holding many small arrays."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["joined_in_blocks"]

_BLOCK = 512


def joined_in_blocks(
    parts: Iterable[Sequence[npt.NDArray[Any]]], start: Sequence[npt.NDArray[Any]]
) -> tuple[npt.NDArray[Any], ...]:
    """Concatenate the arrays of all parts, column by column.

    An array of a few numbers takes a hundred bytes beside them, so parts are joined by the block:
    what is held at once is a block of them and the columns, in the types of ``start``.

    Parameters
    ----------
    parts
        Each with an array for each column.
    start
        What columns begin with, usually nothing; tells types and shapes.
    """
    chunks: list[list[npt.NDArray[Any]]] = [[column] for column in start]
    block: list[Sequence[npt.NDArray[Any]]] = []

    def flush() -> None:
        for chunk, *columns in zip(chunks, *block, strict=True):
            chunk.append(np.concatenate(columns).astype(chunk[0].dtype))
        block.clear()

    for part in parts:
        block.append(part)
        if len(block) == _BLOCK:
            flush()
    if block:
        flush()
    return tuple(np.concatenate(chunk) for chunk in chunks)
