"""Records of runs on disk: columns in an npz file, everything else in a JSON beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from approx_perception.exceptions import DatasetError
from approx_perception.files import (
    Columns,
    read_columns,
    read_json_table,
    replace_text,
    write_columns,
)
from approx_perception.metrics.run_record import RunRecord, columns_by_table
from approx_perception.metrics.scoring.by_task import recorded_scoring

__all__ = ["read_record", "write_record"]

#: A day of video, in which each frame has tens of objects.
_LARGEST_BYTES = 2**33
_FORMAT = "approx_perception run 1"
_NAME = "record"


def write_record(folder: Path, record: RunRecord) -> None:
    """Write ``record.npz`` and ``record.json``."""
    arrays: Columns = {"found_ends": record.found_ends, "truth_ends": record.truth_ends}
    for prefix in columns_by_table(record.scoring):
        table: Columns = getattr(record, prefix)
        arrays |= {f"{prefix}.{name}": column for name, column in table.items()}
    write_columns(folder / f"{_NAME}.npz", arrays)
    text = json.dumps({"format": _FORMAT, **record.metadata}, indent=1) + "\n"
    replace_text(folder / f"{_NAME}.json", text)


def read_record(folder: Path) -> RunRecord:
    """Read what `write_record` wrote.

    Raises
    ------
    DatasetError
        If the folder holds no whole record.
    """
    path = folder / f"{_NAME}.json"
    metadata = read_json_table(path, "record of a run", DatasetError)
    if metadata.pop("format", None) != _FORMAT:
        raise DatasetError(f"{path} is no record of a run of this version")
    scoring = recorded_scoring(metadata, str(path))
    arrays = read_columns(folder / f"{_NAME}.npz", _LARGEST_BYTES)
    count = np.size(arrays.get("frames.sequence", ()))
    arrays.setdefault("frames.fits", np.ones(count, bool))
    arrays.setdefault("frames.fastest_ms", np.full(count, np.nan))
    arrays.setdefault("frames.image_hash", np.zeros(count, np.int64))
    for name in ("beside_ms", "beside_age_ms"):
        arrays.setdefault(f"frames.{name}", np.zeros(count))
    tables: dict[str, Columns] = {}
    kinds = columns_by_table(scoring)
    for prefix, wanted in kinds.items():
        if missing := [name for name in wanted if f"{prefix}.{name}" not in arrays]:
            raise DatasetError(f"{folder / _NAME}.npz lacks {prefix}.{missing[0]}")
        tables[prefix] = {name: arrays[f"{prefix}.{name}"] for name in wanted}
    if not _is_whole(arrays, tables, kinds):
        raise DatasetError(f"{folder / _NAME}.npz is damaged: its columns do not fit together")
    return RunRecord(
        metadata, tables["frames"], tables["found"], tables["truth"],
        arrays["found_ends"], arrays["truth_ends"], scoring,
    )  # fmt: skip


def _is_whole(
    arrays: Columns, tables: Mapping[str, Columns], kinds: Mapping[str, Mapping[str, Any]]
) -> bool:
    """Whether columns have the types that they were written with, and one length a table."""
    lengths: dict[str, int] = {}
    for prefix, wanted in kinds.items():
        for name, kind in wanted.items():
            expected, column = np.dtype(kind), tables[prefix][name]
            length = lengths.setdefault(prefix, len(column) if column.ndim else -1)
            if (column.dtype, column.shape) != (expected.base, (length, *expected.shape)):
                return False
    for prefix in ("found", "truth"):
        ends = arrays.get(f"{prefix}_ends")
        if ends is None or ends.dtype.kind != "i" or ends.shape != (lengths["frames"],):
            return False
        steps = np.diff(ends, prepend=0, append=lengths[prefix])
        if (steps < 0).any() or (len(ends) and steps[-1]):
            return False
    return True
