"""HOTA, IDF1 and MOTA of recorded runs, by TrackEval."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import Detections, GroundTruth
from approx_perception.structures.boxes import iou_matrix
from approx_perception.structures.columns import PartsView, joined_in_blocks

__all__ = ["IdentityScores", "identity_scores", "missing_library", "unusable_identities"]

_IOU_THRESHOLD = 0.5

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """How well identities are kept; nan where there is nothing to keep.

    Attributes
    ----------
    hota, det_a, ass_a
        Higher Order Tracking Accuracy and its parts, mean over IoU 0.05 to 0.95.
    idf1, mota
        At IoU 0.5.
    id_switches
        Objects that were given another identity.
    """

    hota: float
    det_a: float
    ass_a: float
    idf1: float
    mota: float
    id_switches: int


@cache
def _library() -> Any:
    """TrackEval's metrics; its import prints what it misses for data sets that we do not use."""
    with contextlib.redirect_stdout(io.StringIO()):
        from trackeval import metrics
    return metrics


def missing_library() -> str:
    """Why there are no such scores here and what to do about it; empty if there are."""
    try:
        _library()
    except ImportError as error:
        return (
            f"HOTA, IDF1 and MOTA are left out, for TrackEval is not here ({error}); install it "
            "with pip install --no-deps trackeval"
        )
    return ""


def unusable_identities(record: RunRecord) -> tuple[int, int]:
    """Count objects whose identity tells nothing; those to be ignored aside.

    Returns
    -------
    without, shared
        Objects that have none, and those whose identity one before them has, in the same frame and
        of the same class.
    """
    frames = np.repeat(np.arange(len(record)), np.diff(record.truth_ends, prepend=0))
    columns = (frames, record.truth["class_ids"], record.truth["track_ids"])
    rows = np.stack(columns, axis=1)[~record.truth["ignored"]]
    known = rows[rows[:, 2] >= 0]
    return len(rows) - len(known), len(known) - len(np.unique(known, axis=0))


def _of_class(found: Detections, truth: GroundTruth, class_id: int) -> tuple[Ints, Ints, Any]:
    """Identities in truth and in what was found, and their IoU.

    Objects without an identity do not count, nor do those that overlap an ignored object more
    than any other.
    """
    kept = found.select((found.class_ids == class_id) & (found.track_ids >= 0))
    similarity = iou_matrix(truth.boxes, kept.boxes)
    same = truth.class_ids == class_id
    wanted = same & ~truth.ignored
    if len(truth) and len(kept):
        on_ignored = np.where((same & truth.ignored)[:, None], similarity, 0.0).max(axis=0)
        on_wanted = np.where(wanted[:, None], similarity, 0.0).max(axis=0)
        counts = ~((on_ignored >= _IOU_THRESHOLD) & (on_ignored > on_wanted))
    else:
        counts = np.ones(len(kept), bool)
    return truth.track_ids[wanted], kept.track_ids[counts], similarity[wanted][:, counts]


class _Similarities:
    """IoU of each frame's objects in truth with those that were found."""

    def __init__(self, flat: PartsView, truth_ids: PartsView, found_ids: PartsView) -> None:
        self._flat, self._truth_ids, self._found_ids = flat, truth_ids, found_ids

    def __getitem__(self, frame: int) -> npt.NDArray[np.float64]:
        shape = len(self._truth_ids[frame]), len(self._found_ids[frame])
        return self._flat[frame].reshape(shape).astype(float)


def _sequence(record: RunRecord, class_id: int) -> dict[str, Any]:
    """One record and class in the form that TrackEval's metrics take.

    Its lists of a frame's arrays are views of long columns, which take a third of the memory.
    """
    every = (_of_class(found, truth, class_id) for _, found, truth in record.scored())
    # A frame without the class changes none of the figures.
    parts = (
        (*frame[:2], frame[2].ravel(), np.array([frame[2].shape]))
        for frame in every
        if frame[2].shape != (0, 0)
    )
    nothing = np.zeros(0, np.int64)
    truth_ids, found_ids, flat, shapes = joined_in_blocks(
        parts, (nothing, nothing, np.zeros(0, np.float32), np.zeros((0, 2), np.int64))
    )
    # Identities as numbers from 0.
    known_truth, truth_ids = np.unique(truth_ids, return_inverse=True)
    known_found, found_ids = np.unique(found_ids, return_inverse=True)
    truth_parts, found_parts = (
        PartsView(truth_ids, shapes[:, 0]),
        PartsView(found_ids, shapes[:, 1]),
    )
    return {
        "gt_ids": truth_parts, "tracker_ids": found_parts,
        "similarity_scores": _Similarities(
            PartsView(flat, shapes.prod(axis=1)), truth_parts, found_parts
        ),
        "num_timesteps": len(shapes), "num_gt_ids": len(known_truth),
        "num_tracker_ids": len(known_found),
        "num_gt_dets": len(truth_ids), "num_tracker_dets": len(found_ids),
    }  # fmt: skip


def identity_scores(records: Sequence[RunRecord]) -> IdentityScores:
    """Score all records together: each record and class is a sequence of its own."""
    library = _library()
    quiet = {"PRINT_CONFIG": False, "THRESHOLD": _IOU_THRESHOLD}
    metrics = [library.HOTA(), library.CLEAR(quiet), library.Identity(quiet)]
    # One sequence at a time: they take far more memory than the record.
    parts: list[dict[str, Any]] = [{} for _ in metrics]
    for index, record in enumerate(records):
        for class_id in range(len(record.class_names)):
            sequence = _sequence(record, class_id)
            if sequence["num_gt_dets"]:
                for metric, part in zip(metrics, parts, strict=True):
                    part[f"{index}/{class_id}"] = metric.eval_sequence(sequence)
    if not parts[0]:
        nan = float("nan")
        return IdentityScores(nan, nan, nan, nan, nan, 0)
    hota, clear, identity = (
        metric.combine_sequences(part) for metric, part in zip(metrics, parts, strict=True)
    )
    higher, det_a, ass_a = (float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA"))
    return IdentityScores(
        higher, det_a, ass_a, float(identity["IDF1"]), float(clear["MOTA"]), int(clear["IDSW"])
    )
