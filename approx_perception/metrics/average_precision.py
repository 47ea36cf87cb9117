"""AP50 over frames: all-point envelope, as in PASCAL VOC since 2010 and ImageNet VID."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.structures import Detections, GroundTruth
from approx_perception.structures.boxes import iou_matrix
from approx_perception.structures.columns import joined_in_blocks

__all__ = [
    "AveragePrecision",
    "FrameMatch",
    "match_frame",
    "mean_ap50",
    "mean_ap50_of_draws",
    "pooled_ap50",
]

_IOU_THRESHOLD = 0.5

Ints = npt.NDArray[np.integer]


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


@dataclass(frozen=True, slots=True, eq=False)
class FrameMatch:
    """Which detections of one frame are right; those that do not count are left out.

    Attributes
    ----------
    scores, class_ids, hits
        ``(N,)`` of the detections that count.
    truth_class_ids
        ``(M,)`` of the objects to be found, ignored ones left out.
    """

    scores: npt.NDArray[np.float32]
    class_ids: Ints
    hits: npt.NDArray[np.bool_]
    truth_class_ids: Ints


def match_frame(detections: Detections, truth: GroundTruth) -> FrameMatch:
    """Compare one frame's detections with its truth.

    Best score first, a detection takes the free object of its class that it overlaps most, if
    by IoU 0.5 or more. One that overlaps only ignored objects so far does not count at all.
    """
    overlaps = iou_matrix(detections.boxes, truth.boxes)
    overlaps *= detections.class_ids[:, None] == truth.class_ids
    rows, columns = np.nonzero(overlaps >= _IOU_THRESHOLD)
    rank = np.empty(len(detections), np.int64)
    rank[np.argsort(-detections.scores, kind="stable")] = np.arange(len(detections))
    order = np.lexsort((-overlaps[rows, columns], rank[rows]))
    hits = np.zeros(len(detections), bool)
    on_ignored = np.zeros(len(detections), bool)
    taken: set[int] = set()
    pairs = zip(rows[order].tolist(), columns[order].tolist(), strict=True)
    for row, column in pairs:
        if truth.ignored[column]:
            on_ignored[row] = True
        elif not hits[row] and column not in taken:
            hits[row] = True
            taken.add(column)
    counted = hits | ~on_ignored
    return FrameMatch(
        detections.scores[counted],
        detections.class_ids[counted],
        hits[counted],
        truth.class_ids[~truth.ignored],
    )


def _area(hits: npt.NDArray[np.integer], detections: npt.NDArray[np.integer], total: int) -> float:
    """Area under the precision envelope; numbers of hits and detections, best score first."""
    true_positives = np.cumsum(hits)
    recall = np.concatenate([[0.0], true_positives / total])
    precision = true_positives / np.maximum(np.cumsum(detections), 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall) * envelope).sum())


def _all_point_ap(
    scores: npt.NDArray[np.float32], hits: npt.NDArray[np.bool_], total: int
) -> float:
    """AP of one class."""
    own = hits[np.argsort(-scores, kind="stable")].astype(np.int64)
    return _area(own, np.ones_like(own), total)


def _joined(matches: Iterable[FrameMatch]) -> FrameMatch:
    """All frames as one."""
    no_ids = np.zeros(0, np.int32)
    parts = ((m.scores, m.class_ids, m.hits, m.truth_class_ids) for m in matches)
    return FrameMatch(
        *joined_in_blocks(parts, (np.zeros(0, np.float32), no_ids, np.zeros(0, bool), no_ids))
    )


def mean_ap50(matches: Iterable[FrameMatch], class_count: int) -> AveragePrecision:
    """AP50 of each class over all frames, and their mean; nan where nothing was to be found."""
    whole = _joined(matches)
    per_class = {}
    for class_id in range(class_count):
        total = int((whole.truth_class_ids == class_id).sum())
        if total:
            rows = whole.class_ids == class_id
            per_class[class_id] = _all_point_ap(whole.scores[rows], whole.hits[rows], total)
    mean = float(np.mean(list(per_class.values()))) if per_class else float("nan")
    return AveragePrecision(mean, per_class)


def mean_ap50_of_draws(
    matches: Sequence[FrameMatch], class_count: int, counts: Ints
) -> npt.NDArray[np.float64]:
    """AP50 of many draws of the same frames, as a bootstrap needs it.

    Parameters
    ----------
    matches
        Of each of N frames.
    class_count
        Class ids run from 0 to this.
    counts
        ``(D, N)`` how often each frame stands in each draw.

    Returns
    -------
    numpy.ndarray
        ``(D,)``, each what `mean_ap50` says of the frames drawn.
    """
    whole = _joined(matches)
    frames = np.arange(len(matches))
    of_detection = np.repeat(frames, [len(match.scores) for match in matches])
    of_truth = np.repeat(frames, [len(match.truth_class_ids) for match in matches])
    best_first = np.argsort(-whole.scores, kind="stable")
    total, count = np.zeros(len(counts)), np.zeros(len(counts))
    for class_id in range(class_count):
        rows = best_first[whole.class_ids[best_first] == class_id]
        objects = of_truth[whole.truth_class_ids == class_id]
        for draw, frequency in enumerate(counts):
            to_find = int(frequency[objects].sum())
            if to_find:
                weights = frequency[of_detection[rows]]
                total[draw] += _area(whole.hits[rows] * weights, weights, to_find)
                count[draw] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def pooled_ap50(matches: Iterable[FrameMatch]) -> float:
    """AP50 with the detections of all classes in one list; nan where nothing was to be found.

    For short snippets, where a mean over classes would hang on single objects.
    """
    whole = _joined(matches)
    total = len(whole.truth_class_ids)
    return _all_point_ap(whole.scores, whole.hits, total) if total else float("nan")
