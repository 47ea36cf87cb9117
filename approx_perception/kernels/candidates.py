"""Which detections are followed: the same in the node, in evaluations and in profiles."""

import numpy as np
import numpy.typing as npt

from approx_perception.structures import Detections
from approx_perception.structures.boxes import Boxes
from approx_perception.structures.thresholds import CLASS_AGNOSTIC_IOU, TRACKED_SCORE

__all__ = ["CLASS_AGNOSTIC_IOU", "TRACKED_SCORE", "candidates"]


def candidates(
    found: Detections,
    class_mask: npt.NDArray[np.bool_] | None = None,
    class_agnostic_iou: float = CLASS_AGNOSTIC_IOU,
    least_score: float = TRACKED_SCORE,
) -> Detections:
    """Leave out what is too weak, of no wanted class, or an object that is there already.

    Parameters
    ----------
    found
        Of the detector, in any order.
    class_mask
        ``(C,)`` bool: classes to keep; None for all.
    class_agnostic_iou
        Of boxes that overlap by more, whatever their classes, the best one is kept. 1.0 keeps all.
    least_score
        Weaker detections are left out.
    """
    is_wanted = found.scores >= least_score
    if class_mask is not None:
        is_wanted &= class_mask[found.class_ids]
    wanted = found if is_wanted.all() else found.select(is_wanted)
    if class_agnostic_iou >= 1 or len(wanted) < 2:
        return wanted
    is_best = _best_of_overlapping(wanted, class_agnostic_iou)
    return wanted if is_best.all() else wanted.select(is_best)


def _best_of_overlapping(found: Detections, min_iou: float) -> npt.NDArray[np.bool_]:
    """``(N,)``: greedy suppression, best first."""
    order = np.argsort(-found.scores, kind="stable")
    doubles = _overlap_more(found.boxes[order], min_iou)
    is_kept = np.ones(len(found), bool)
    for row in np.flatnonzero(doubles.any(axis=1)).tolist():
        if is_kept[row]:
            is_kept[row + 1 :] &= ~doubles[row, row + 1 :]
    is_best = np.empty(len(found), bool)
    is_best[order] = is_kept
    return is_best


def _overlap_more(boxes: Boxes, min_iou: float) -> npt.NDArray[np.bool_]:
    """``(N, N)``, without the diagonal; by columns, which is three times as fast as by rows."""
    x1, y1, x2, y2 = np.ascontiguousarray(boxes.T)
    areas = (x2 - x1) * (y2 - y1)
    width = np.minimum(x2[:, None], x2) - np.maximum(x1[:, None], x1)
    height = np.minimum(y2[:, None], y2) - np.maximum(y1[:, None], y1)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    overlap_more = shared * (1 + min_iou) > min_iou * (areas[:, None] + areas)
    np.fill_diagonal(overlap_more, False)
    return np.asarray(overlap_more)
