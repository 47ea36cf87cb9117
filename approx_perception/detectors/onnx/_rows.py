"""Rows of boxes and scores, as most networks give them."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.structures import Detections

__all__ = [
    "STRIDE_SETS", "Candidates", "centres_are_strange", "class_wise_nms", "grid", "rows_above",
    "scores_are_strange", "strides_of", "strongest", "whole",
]  # fmt: skip

#: Weaker detections are never returned; what a user sees is a threshold above it.
SCORE_FLOOR = 0.05
_NMS_IOU = 0.5
_MAX_CANDIDATES = 1000
#: Strides of the levels that networks have: usual ones, P6, P2.
STRIDE_SETS = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
_ROUNDING = 1e-2
#: Centres further from their cells, in cells, are numbers of another kind; the median of networks
#: is below 1.
_FARTHEST_CELLS = 4.0

Array = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a network found, before overlaps are suppressed.

    Attributes
    ----------
    boxes
        ``(N, 4)`` float32 xyxy in px of the input.
    scores, classes
        ``(N,)`` float32 and int64.
    """

    boxes: Array
    scores: Array
    classes: Integers


@lru_cache(maxsize=64)
def grid(height: int, width: int, strides: tuple[int, ...] = (8, 16, 32)) -> tuple[Array, Array]:
    """Column and row of each cell, ``(N, 2)``, and its stride, ``(N, 1)``; level by level."""
    cells, levels = [], []
    for stride in strides:
        rows, columns = np.mgrid[: -(-height // stride), : -(-width // stride)]
        level = np.stack([columns.ravel(), rows.ravel()], axis=1)
        cells.append(level)
        levels.append(np.full((len(level), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(levels).astype(np.float32)


def strides_of(count: int, size: tuple[int, int]) -> tuple[int, ...] | None:
    """Strides whose cells are so many for an input of that width and height."""
    width, height = size
    for strides in STRIDE_SETS:
        if len(grid(height, width, strides)[0]) == count:
            return strides
    return None


def strongest(
    class_scores: Array, objectness: Array | None = None
) -> tuple[Integers, Array, Integers]:
    """Rows above the floor, at most a thousand, with scores and classes; or not finite.

    Parameters
    ----------
    class_scores
        ``(N, classes)``.
    objectness
        ``(N,)`` that scores are multiplied with.
    """
    # Written so that nan is kept: it is dropped where it is counted.
    if objectness is None:
        kept = np.flatnonzero(~(class_scores.max(axis=1) <= SCORE_FLOOR))
    else:
        # A score is at most the objectness: most rows are out before their classes are read.
        kept = np.flatnonzero(~(objectness <= SCORE_FLOOR))
    few = class_scores[kept]
    classes = few.argmax(axis=1)
    scores = few[np.arange(len(kept)), classes]
    if objectness is not None:
        scores = objectness[kept] * scores
    best = rows_above(scores)
    return kept[best], scores[best], classes[best]


def rows_above(scores: Array) -> Integers:
    """Indices of scores above the floor, at most a thousand."""
    best = np.flatnonzero(~(scores <= SCORE_FLOOR))
    if len(best) > _MAX_CANDIDATES:
        best = best[np.argpartition(-scores[best], _MAX_CANDIDATES)[:_MAX_CANDIDATES]]
    return best


def class_wise_nms(found: Detections) -> Detections:
    """Suppress boxes that overlap a better one of the same class; best first."""
    if not len(found):
        return found
    boxes, scores = found.boxes, found.scores
    corners_and_sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        corners_and_sides.tolist(), scores.tolist(), found.class_ids.tolist(), 0.0, _NMS_IOU
    )
    index = np.asarray(kept, np.int64).ravel()
    return found.select(index[np.argsort(-scores[index], kind="stable")])


def whole(classes: Array) -> Integers:
    """Classes that come as fractions; -1 for those that are not finite."""
    return np.nan_to_num(classes, nan=-1, posinf=-1, neginf=-1).astype(np.int64)


def scores_are_strange(scores: Array) -> str:
    """Say what is wrong with scores that are to be 0..1; empty for nothing."""
    finite = scores[np.isfinite(scores)]
    if len(finite) < scores.size / 2:
        return f"{scores.size - len(finite)} of its {scores.size} scores are not finite"
    if finite.size and (finite.min() < -_ROUNDING or finite.max() > 1 + _ROUNDING):
        return (
            f"its scores for a test picture are from {finite.min():.3g} to {finite.max():.3g} and "
            "not from 0 to 1 (was the sigmoid left out?)"
        )
    return ""


def centres_are_strange(centres: Array, cells: Array, strides: Array) -> str:
    """Say that centres in px are not near their cells; empty where they are."""
    away = np.abs(centres - (cells + 0.5) * strides) / strides
    away = away[np.isfinite(away).all(axis=1)]
    if len(away) < len(cells) / 2 or np.median(away) > _FARTHEST_CELLS:
        return "its centres are not near their cells"
    return ""
