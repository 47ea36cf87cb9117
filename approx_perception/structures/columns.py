"""Long columns from many short ones, without holding many small arrays."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PartsView", "TableOnDisk", "joined_in_blocks", "rows_of"]

_BLOCK = 512


def rows_of(part: int, ends: npt.NDArray[np.int64]) -> slice:
    """Rows of a part in a column of all parts, by the row behind the last of each."""
    return slice(int(ends[part - 1]) if part else 0, int(ends[part]))


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


class PartsView:
    """Arrays of many parts, cut from one column when they are asked for.

    Parameters
    ----------
    column
        All of them, one behind the other.
    counts
        ``(N,)`` rows of each part.
    """

    def __init__(self, column: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> None:
        self._column, self._ends = column, np.cumsum(counts)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, part: int) -> npt.NDArray[Any]:
        return self._column[rows_of(part, self._ends)]

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return (self[part] for part in range(len(self)))


class TableOnDisk:
    """A table that grows in a temporary file without a name, so that memory does not.

    Parameters
    ----------
    kinds
        Type of each column's entries; ``(type, N)`` for entries of N numbers.
    """

    def __init__(self, kinds: Mapping[str, Any]) -> None:
        self._row = np.dtype([(name, kind) for name, kind in kinds.items()])
        self._file = TemporaryFile()  # noqa: SIM115 - `finish` closes it
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Write rows; all columns have as many."""
        rows = np.empty(len(next(iter(columns.values()))), self._row)
        for name, column in columns.items():
            rows[name] = column
        self._file.write(rows.tobytes())
        self._count += len(rows)

    def finish(self) -> dict[str, npt.NDArray[Any]]:
        """Read every column, and drop the file."""
        columns = {
            name: np.empty((self._count, *kind.shape), kind.base)
            for name, (kind, *_) in (self._row.fields or {}).items()
        }
        self._file.seek(0)
        for start in range(0, self._count, _BLOCK):
            rows = np.frombuffer(self._file.read(_BLOCK * self._row.itemsize), self._row)
            for name, column in columns.items():
                column[start : start + len(rows)] = rows[name]
        self._file.close()
        return columns
