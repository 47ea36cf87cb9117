"""Takes in a run frame by frame and makes its record."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.class_map import ClassMap
from approx_perception.metrics.run_record import TRUTH_COLUMNS, RunRecord, columns_by_table
from approx_perception.metrics.scoring.by_task import recorded_scoring
from approx_perception.structures import Frame, FrameResult, GroundTruth, SlaScope
from approx_perception.structures.columns import TableOnDisk

__all__ = ["RunRecorder"]

#: Rows of each frame, which a record keeps as `RunRecord.found_ends` and ``truth_ends``.
_COUNTS: dict[str, Any] = {"found_count": np.int64, "truth_count": np.int64}


def _image_hash(image: npt.NDArray[np.uint8]) -> int:
    """Tell images apart; the whole of each would take as long as the digest of the data."""
    lines = np.ascontiguousarray(image[::4])
    digest = hashlib.blake2b(lines.data, digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


class _Lookup:
    """Gives each text a number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))


class RunRecorder:
    """Takes in a run frame by frame; what is there waits on disk, so that memory does not grow.

    Parameters
    ----------
    metadata
        Of the record, without ``branches``, ``reasons``, ``data_hash`` and ``class_names``;
        without a ``task`` it is detection.
    class_map
        From the classes of what is found to those of the truth.
    """

    def __init__(self, metadata: Mapping[str, Any], class_map: ClassMap) -> None:
        self._metadata = {**metadata, "class_names": list(class_map.truth_names)}
        self._class_map = class_map
        self._scoring = recorded_scoring(metadata, "the record")
        self._branches, self._reasons = _Lookup(), _Lookup()
        kinds = columns_by_table(self._scoring)
        self._frames = TableOnDisk(kinds["frames"] | _COUNTS)
        self._nothing: dict[str, Any] = dict.fromkeys(kinds["frames"] | _COUNTS, 0)
        self._found, self._truth = TableOnDisk(kinds["found"]), TableOnDisk(kinds["truth"])
        self._digest = hashlib.blake2b(digest_size=8)

    def __len__(self) -> int:
        return len(self._frames)

    def add(
        self,
        frame: Frame,
        result: FrameResult | None,
        truth: GroundTruth | None,
        published_ns: int = 0,
        contention_level: int = -1,
    ) -> None:
        """Append a frame.

        Parameters
        ----------
        frame
            Its image is not kept.
        result
            In the classes of what is found; None for a frame that was dropped.
        truth
            None where it is not known.
        published_ns
            When the result was out, in the stream's time.
        contention_level
            What was done to the machine meanwhile.
        """
        self._digest.update(np.ascontiguousarray(frame.image).data)
        height, width = frame.image.shape[:2]
        scoring, found = self._scoring, self._scoring.empty()
        if result is not None:
            found = scoring.mapped(result.output, self._class_map)
        columns = scoring.columns_of(found)
        row = self._nothing | {
            "sequence": frame.sequence, "stamp_ns": frame.stamp_ns, "width": width,
            "height": height, "has_truth": truth is not None, "branch": -1, "reason": -1,
            "contention_level": contention_level, "published_ns": published_ns,
            "image_hash": _image_hash(frame.image),
            "found_count": len(columns["class_ids"]),
            "truth_count": 0 if truth is None else len(truth),
        }  # fmt: skip
        if result is not None:
            row |= self._of_result(result)
        self._frames.append({name: np.array([value]) for name, value in row.items()})
        self._found.append(columns)
        if truth is not None:
            self._truth.append({name: getattr(truth, name) for name in TRUTH_COLUMNS})

    def _of_result(self, result: FrameResult) -> dict[str, Any]:
        decision, sla, timings = result.decision, result.sla, result.timings
        beside_ms, beside_age_ms = result.taken_in
        return {
            "processed": True, "branch": self._branches(str(decision.branch)),
            "detected": decision.starts_group, "switched": decision.switched,
            "sla_ms": sla.latency_ms, "sla_quantile": sla.quantile,
            "sla_gof": sla.scope is SlaScope.GOF, "processing_ms": timings.processing_ms,
            "expected_ms": decision.expected_ms,
            "expected_quantile_ms": decision.expected_quantile_ms,
            "expected_accuracy": decision.expected_accuracy,
            "believed_cpu": decision.contention.cpu, "believed_gpu": decision.contention.gpu,
            "believed_slowdown": decision.contention.slowdown,
            "reason": self._reasons(decision.reason),
            "fits": decision.fits, "fastest_ms": decision.fastest_ms,
            "beside_ms": beside_ms, "beside_age_ms": beside_age_ms,
            **self._scoring.content_of(result.content),
            **{stage: timings.of(stage) for stage in self._scoring.stages},
        }  # fmt: skip

    def finish(self) -> RunRecord:
        """Return everything that was added; nothing can be added any more."""
        frames, found, truth = (
            table.finish() for table in (self._frames, self._found, self._truth)
        )
        found_ends, truth_ends = (np.cumsum(frames.pop(name)) for name in _COUNTS)
        metadata = {
            **self._metadata,
            "branches": list(self._branches.numbers), "reasons": list(self._reasons.numbers),
            "data_hash": self._digest.hexdigest(),
        }  # fmt: skip
        return RunRecord(metadata, frames, found, truth, found_ends, truth_ends, self._scoring)
