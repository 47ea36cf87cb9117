"""What happened in one run, frame by frame: all that metrics and reports are computed from."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import DatasetError
from approx_perception.files import (
    Columns,
    read_columns,
    read_json_table,
    replace_text,
    write_columns,
)
from approx_perception.metrics.latency import group_means_ms
from approx_perception.structures import (
    Detections,
    GroundTruth,
)
from approx_perception.structures.columns import rows_of

__all__ = [
    "FOUND_COLUMNS",
    "FRAME_COLUMNS",
    "STAGES",
    "TRUTH_COLUMNS",
    "RunRecord",
    "with_common_classes",
]

#: A day of video, in which each frame has tens of objects.
_LARGEST_BYTES = 2**33
_FORMAT = "approx_perception run 1"
_NAME = "record"

#: Stages of the pipeline in the order in which they run, ``processing_ms`` left out.
STAGES = (
    "decode_ms", "schedule_ms", "detect_ms", "track_ms", "associate_ms", "initialize_ms",
    "features_ms",
)  # fmt: skip

#: One row a frame. ``processed``: false for a frame that was dropped, whose other columns but the
#: first four, ``contention_level`` and ``image_hash`` are 0 or nan. ``branch``, ``reason``:
#: positions in the metadata's lists. ``image_hash``: of every fourth line of pixels; 0 in records
#: of before. ``published_ns``: in the stream's time; 0 where the run had none.
#: ``contention_level``: what was done to the machine, -1 for nothing known. ``fits``,
#: ``fastest_ms``: of the decision, as far as known; records of before have neither.
FRAME_COLUMNS: dict[str, Any] = {
    "sequence": np.int64, "stamp_ns": np.int64, "width": np.int32, "height": np.int32,
    "processed": np.bool_, "has_truth": np.bool_, "branch": np.int32, "detected": np.bool_,
    "switched": np.bool_, "sla_ms": np.float64, "sla_quantile": np.float64, "sla_gof": np.bool_,
    "processing_ms": np.float64, "published_ns": np.int64, "expected_ms": np.float64,
    "expected_quantile_ms": np.float64, "expected_accuracy": np.float64,
    "believed_cpu": np.float64, "believed_gpu": np.float64, "believed_slowdown": np.float64,
    "contention_level": np.int32, "reason": np.int32, "fits": np.bool_, "fastest_ms": np.float64,
    "image_hash": np.int64,
    **dict.fromkeys(STAGES, np.float64),
}  # fmt: skip
FOUND_COLUMNS: dict[str, Any] = {
    "boxes": (np.float32, 4), "scores": np.float32, "class_ids": np.int64, "track_ids": np.int64,
    "ages": np.int64,
}  # fmt: skip
TRUTH_COLUMNS: dict[str, Any] = {
    "boxes": (np.float32, 4), "class_ids": np.int64, "track_ids": np.int64, "ignored": np.bool_,
}  # fmt: skip
_TABLES = {"frames": FRAME_COLUMNS, "found": FOUND_COLUMNS, "truth": TRUTH_COLUMNS}


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """One system on one source.

    Attributes
    ----------
    metadata
        ``system``, ``source``, ``class_names`` (of detections and truth alike), ``branches``,
        ``reasons``, configuration, versions, hash of the data; plain JSON.
    frames
        Columns of one row a frame; see the names in this module.
    found, truth
        Columns of detections and ground truth, one row an object, those of a frame together.
    found_ends, truth_ends
        ``(N,)`` row behind the last object of each frame.
    """

    metadata: dict[str, Any]
    frames: Columns
    found: Columns
    truth: Columns
    found_ends: npt.NDArray[np.int64]
    truth_ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frames["sequence"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """What class ids mean."""
        return tuple(self.metadata["class_names"])

    def detections(self, frame: int) -> Detections:
        """Objects published for a frame."""
        rows = rows_of(frame, self.found_ends)
        return Detections(*(self.found[name][rows] for name in FOUND_COLUMNS))

    def ground_truth(self, frame: int) -> GroundTruth | None:
        """What is really in a frame; None where that is not known."""
        if not self.frames["has_truth"][frame]:
            return None
        rows = rows_of(frame, self.truth_ends)
        return GroundTruth(*(self.truth[name][rows] for name in TRUTH_COLUMNS))

    def scored(self) -> Iterator[tuple[int, Detections, GroundTruth]]:
        """Yield the processed frames that have ground truth, with their positions."""
        for frame in np.flatnonzero(self.frames["processed"]).tolist():
            truth = self.ground_truth(frame)
            if truth is not None:
                yield frame, self.detections(frame), truth

    def processed(self, name: str) -> npt.NDArray[Any]:
        """Return a column of the frames that were processed."""
        return np.asarray(self.frames[name][self.frames["processed"]])

    def group_starts(self) -> npt.NDArray[np.bool_]:
        """Which of the processed frames begin a group; the first one always does."""
        starts = self.processed("detected").copy()
        starts[:1] = True
        return starts

    def group_means_ms(self) -> npt.NDArray[np.float64]:
        """Mean latency of the group of each processed frame."""
        return group_means_ms(self.processed("processing_ms"), self.group_starts())

    def with_classes(self, names: tuple[str, ...]) -> "RunRecord":
        """Return the same record with its class ids as positions in a list that has its names."""
        numbers = np.array([names.index(name) for name in self.class_names], np.int64)
        found, truth = (
            {**table, "class_ids": numbers[table["class_ids"]]}
            for table in (self.found, self.truth)
        )
        return replace(
            self, metadata={**self.metadata, "class_names": list(names)}, found=found, truth=truth
        )

    def save(self, folder: Path) -> None:
        """Write ``record.npz`` and ``record.json``."""
        arrays: Columns = {"found_ends": self.found_ends, "truth_ends": self.truth_ends}
        for prefix in _TABLES:
            table: Columns = getattr(self, prefix)
            arrays |= {f"{prefix}.{name}": column for name, column in table.items()}
        write_columns(folder / f"{_NAME}.npz", arrays)
        text = json.dumps({"format": _FORMAT, **self.metadata}, indent=1) + "\n"
        replace_text(folder / f"{_NAME}.json", text)

    @classmethod
    def load(cls, folder: Path) -> "RunRecord":
        """Read what `save` wrote.

        Raises
        ------
        DatasetError
            If the folder holds no whole record.
        """
        path = folder / f"{_NAME}.json"
        metadata = read_json_table(path, "record of a run", DatasetError)
        if metadata.pop("format", None) != _FORMAT:
            raise DatasetError(f"{path} is no record of a run of this version")
        arrays = read_columns(folder / f"{_NAME}.npz", _LARGEST_BYTES)
        tables: dict[str, Columns] = {}
        count = np.size(arrays.get("frames.sequence", ()))
        arrays.setdefault("frames.fits", np.ones(count, bool))
        arrays.setdefault("frames.fastest_ms", np.full(count, np.nan))
        arrays.setdefault("frames.image_hash", np.zeros(count, np.int64))
        for prefix, wanted in _TABLES.items():
            if missing := [name for name in wanted if f"{prefix}.{name}" not in arrays]:
                raise DatasetError(f"{folder / _NAME}.npz lacks {prefix}.{missing[0]}")
            tables[prefix] = {name: arrays[f"{prefix}.{name}"] for name in wanted}
        if not _is_whole(arrays, tables):
            raise DatasetError(f"{folder / _NAME}.npz is damaged: its columns do not fit together")
        return cls(
            metadata, tables["frames"], tables["found"], tables["truth"],
            arrays["found_ends"], arrays["truth_ends"],
        )  # fmt: skip


def _is_whole(arrays: Columns, tables: dict[str, Columns]) -> bool:
    """Whether columns have the types that they were written with, and one length a table."""
    lengths: dict[str, int] = {}
    for prefix, wanted in _TABLES.items():
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


def with_common_classes(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Bring records to one list of classes, by name: each source numbers its own."""
    names = tuple(dict.fromkeys(name for record in records for name in record.class_names))
    return [
        record if record.class_names == names else record.with_classes(names) for record in records
    ]
