"""AP50 as ImageNet VID counts it: IoU 0.5, best match first, all-point interpolation."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.structures import Detections, GroundTruth
from approx_perception.structures.boxes import iou_matrix

__all__ = ["AveragePrecision", "average_precision_50"]

_IOU_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Accuracy over all frames given.

    Attributes
    ----------
    mean
        Mean over the classes that have ground truth; nan if none has.
    per_class
        ``{class_id: AP50}`` of those classes.
    """

    mean: float
    per_class: dict[int, float]


def _match(
    detections: Detections, truth: GroundTruth, class_id: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], int]:
    """Scores and hits of one class in one frame, ignored detections left out, and its total."""
    found = detections.select(np.flatnonzero(detections.class_ids == class_id))
    wanted = np.flatnonzero(truth.class_ids == class_id)
    ignored = truth.ignored[wanted]
    total = int((~ignored).sum())
    order = np.argsort(-found.scores, kind="stable")
    overlaps = iou_matrix(found.boxes[order], truth.boxes[wanted])
    hits = np.zeros(len(order), bool)
    counted = np.ones(len(order), bool)
    free = ~ignored
    for row, overlap in enumerate(overlaps):
        candidates = np.where(free, overlap, 0.0)
        best = int(candidates.argmax()) if len(wanted) else -1
        if best >= 0 and candidates[best] >= _IOU_THRESHOLD:
            hits[row] = True
            free[best] = False
        elif (overlap[ignored] >= _IOU_THRESHOLD).any():
            counted[row] = False
    return found.scores[order][counted], hits[counted], total


def _all_point_ap(
    scores: npt.NDArray[np.float32], hits: npt.NDArray[np.bool_], total: int
) -> float:
    """Area under the precision envelope."""
    order = np.argsort(-scores, kind="stable")
    true_positives = np.cumsum(hits[order])
    recall = np.concatenate([[0.0], true_positives / total])
    precision = true_positives / np.arange(1, len(order) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall) * envelope).sum())


def average_precision_50(
    frames: Iterable[tuple[Detections, GroundTruth]], class_count: int
) -> AveragePrecision:
    """Score detections against ground truth.

    Parameters
    ----------
    frames
        Detections and truth of each frame, compared as they are. A detection takes the
        free object that it overlaps most; one that overlaps only an ignored object does not
        count at all.
    class_count
        Class ids run from 0 to this.
    """
    collected: list[list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], int]]]
    collected = [[] for _ in range(class_count)]
    for detections, truth in frames:
        present = np.union1d(detections.class_ids, truth.class_ids)
        for class_id in present[(present >= 0) & (present < class_count)]:
            collected[class_id].append(_match(detections, truth, int(class_id)))
    per_class = {}
    for class_id, parts in enumerate(collected):
        total = sum(part[2] for part in parts)
        if total:
            scores = np.concatenate([part[0] for part in parts])
            hits = np.concatenate([part[1] for part in parts])
            per_class[class_id] = _all_point_ap(scores, hits, total)
    mean = float(np.mean(list(per_class.values()))) if per_class else float("nan")
    return AveragePrecision(mean, per_class)
