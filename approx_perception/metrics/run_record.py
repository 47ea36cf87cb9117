"""What happened in one run, frame by frame: all that metrics and reports are computed from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.files import Columns
from approx_perception.metrics.latency import group_means_ms
from approx_perception.metrics.scoring._base import Match, Scoring
from approx_perception.structures import GroundTruth
from approx_perception.structures.columns import rows_of

__all__ = ["FRAME_COLUMNS", "TRUTH_COLUMNS", "RunRecord", "columns_by_table", "with_common_classes"]

#: One row a frame; the stages of the task come behind them. ``processed``: false for a frame that
#: was dropped, whose other columns but the first four, ``contention_level`` and ``image_hash`` are
#: 0 or nan. ``branch``, ``reason``: positions in the metadata's lists. ``image_hash``: of every
#: fourth line of pixels; 0 in records of before. ``published_ns``: in the stream's time; 0 where
#: the run had none. ``contention_level``: what was done to the machine, -1 for nothing known.
#: ``fits``, ``fastest_ms``: of the decision, as far as known; records of before have neither.
#: ``beside_ms``, ``beside_age_ms``: what ran beside and was taken in on the frame, and its age
#: then; 0 for nothing.
FRAME_COLUMNS: dict[str, Any] = {
    "sequence": np.int64, "stamp_ns": np.int64, "width": np.int32, "height": np.int32,
    "processed": np.bool_, "has_truth": np.bool_, "branch": np.int32, "detected": np.bool_,
    "switched": np.bool_, "sla_ms": np.float64, "sla_quantile": np.float64, "sla_gof": np.bool_,
    "processing_ms": np.float64, "published_ns": np.int64, "expected_ms": np.float64,
    "expected_quantile_ms": np.float64, "expected_accuracy": np.float64,
    "believed_cpu": np.float64, "believed_gpu": np.float64, "believed_slowdown": np.float64,
    "contention_level": np.int32, "reason": np.int32, "fits": np.bool_, "fastest_ms": np.float64,
    "image_hash": np.int64, "beside_ms": np.float64, "beside_age_ms": np.float64,
}  # fmt: skip
TRUTH_COLUMNS: dict[str, Any] = {
    "boxes": (np.float32, 4), "class_ids": np.int64, "track_ids": np.int64, "ignored": np.bool_,
}  # fmt: skip


def columns_by_table(scoring: Scoring) -> dict[str, dict[str, Any]]:
    """Types of the columns of each table of a record."""
    return {
        "frames": {
            **FRAME_COLUMNS,
            **dict.fromkeys(scoring.stages, np.float64),
            **scoring.content_columns,
        },
        "found": dict(scoring.found_columns),
        "truth": TRUTH_COLUMNS,
    }


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """One system on one source.

    Attributes
    ----------
    metadata
        ``task``, ``system``, ``source``, ``class_names`` (of outputs and truth alike),
        ``branches``, ``reasons``, configuration, versions, hash of the data; plain JSON.
    frames
        Columns of one row a frame; see the names in this module.
    found, truth
        Columns of outputs and ground truth, the rows of a frame together.
    found_ends, truth_ends
        ``(N,)`` row behind the last one of each frame.
    scoring
        Of the task.
    """

    metadata: dict[str, Any]
    frames: Columns
    found: Columns
    truth: Columns
    found_ends: npt.NDArray[np.int64]
    truth_ends: npt.NDArray[np.int64]
    scoring: Scoring

    def __len__(self) -> int:
        return len(self.frames["sequence"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """What class ids mean."""
        return tuple(self.metadata["class_names"])

    def output(self, frame: int) -> Any:
        """What was published for a frame."""
        rows = rows_of(frame, self.found_ends)
        return self.scoring.output_of({name: own[rows] for name, own in self.found.items()})

    def ground_truth(self, frame: int) -> GroundTruth | None:
        """What is really in a frame; None where that is not known."""
        if not self.frames["has_truth"][frame]:
            return None
        rows = rows_of(frame, self.truth_ends)
        return GroundTruth(*(self.truth[name][rows] for name in TRUTH_COLUMNS))

    def scored(self) -> Iterator[tuple[int, Any, GroundTruth]]:
        """Yield the processed frames that have ground truth, with their positions."""
        for frame in np.flatnonzero(self.frames["processed"]).tolist():
            truth = self.ground_truth(frame)
            if truth is not None:
                yield frame, self.output(frame), truth

    def matches(self) -> Iterator[Match]:
        """Yield what was published for the frames of `scored`, compared with their truth."""
        return (self.scoring.match(output, truth) for _, output, truth in self.scored())

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
        # What the truth does not know, -1, stays so.
        numbers = np.array([*(names.index(name) for name in self.class_names), -1], np.int64)
        found, truth = (
            {**table, "class_ids": numbers[table["class_ids"]]}
            for table in (self.found, self.truth)
        )
        return replace(
            self, metadata={**self.metadata, "class_names": list(names)}, found=found, truth=truth
        )


def with_common_classes(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Bring records to one list of classes, by name: each source numbers its own."""
    names = tuple(dict.fromkeys(name for record in records for name in record.class_names))
    return [
        record if record.class_names == names else record.with_classes(names) for record in records
    ]
