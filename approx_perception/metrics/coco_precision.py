"""COCO AP, computed frame by frame: what is held grows by some bytes an object, not by kilobytes.

Lin et al., Microsoft COCO (ECCV 2014), as pycocotools and faster-coco-eval compute it; tests hold
the figures equal to the latter's, which keeps all objects of all images as dictionaries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import Detections, GroundTruth
from approx_perception.structures.boxes import Boxes
from approx_perception.structures.columns import joined_in_blocks

__all__ = ["CocoAveragePrecision", "coco_average_precision"]

_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
#: All, small, medium and large objects, by area in px².
_AREAS_PX2 = np.array([(0, 1e10), (0, 32**2), (32**2, 96**2), (96**2, 1e10)], float)
#: Every threshold at every range of areas is a matching of its own.
_LANES = len(_AREAS_PX2) * len(_THRESHOLDS)
_LANE_IOUS = np.tile(_THRESHOLDS, len(_AREAS_PX2))
_MAX_DETECTIONS = 100

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Columns = tuple[npt.NDArray[np.generic], ...]


@dataclass(frozen=True, slots=True)
class CocoAveragePrecision:
    """COCO's figures: 101-point interpolation, at most 100 detections an image; nan where unknown.

    Attributes
    ----------
    ap
        Mean over IoU 0.5 to 0.95.
    ap50, ap75
        At one IoU.
    small, medium, large
        ``ap`` of objects below 32² px², below 96² px², and above.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float


def coco_average_precision(records: Sequence[RunRecord]) -> CocoAveragePrecision:
    """Score all records together; ignored objects are crowds."""
    class_count = len(records[0].class_names) if records else 0
    no_ids, no_bits = np.zeros(0, np.int16), np.zeros((0, _LANES // 8), np.uint8)
    scores, classes, hits, counted, truth_classes, wanted = joined_in_blocks(
        _matches(records),
        (np.zeros(0, np.float32), no_ids, no_bits, no_bits, no_ids, np.zeros((0, 4), bool)),
    )
    # (classes, ranges of area, thresholds)
    precision = np.full((class_count, len(_AREAS_PX2), len(_THRESHOLDS)), np.nan)
    for class_id in range(class_count):
        totals = wanted[truth_classes == class_id].sum(axis=0)
        own = np.flatnonzero(classes == class_id)
        own = own[np.argsort(-scores[own], kind="stable")]
        own_hits, own_counted = (np.unpackbits(bits[own], axis=1) for bits in (hits, counted))
        for lane in range(_LANES):
            area, threshold = divmod(lane, len(_THRESHOLDS))
            if totals[area]:
                of_lane = own_hits[own_counted[:, lane] == 1, lane]
                precision[class_id, area, threshold] = _interpolated(of_lane, int(totals[area]))

    def mean(part: Floats) -> float:
        known = part[np.isfinite(part)]
        return float(known.mean()) if known.size else float("nan")

    of_all = precision[:, 0]
    return CocoAveragePrecision(
        mean(of_all), mean(of_all[:, 0]), mean(of_all[:, 5]),
        *(mean(precision[:, area]) for area in (1, 2, 3)),
    )  # fmt: skip


def _interpolated(hits: npt.NDArray[np.uint8], total: int) -> float:
    """Mean precision at 101 recalls of detections in order of score."""
    true_positives = np.cumsum(hits, dtype=float)
    precision = true_positives / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(true_positives / total, _RECALLS, side="left")
    return float(np.append(envelope, 0.0)[places].mean())


def _matches(records: Sequence[RunRecord]) -> Iterator[Columns]:
    """Of each scored frame: scores, classes, hits, whether it counts; truth's classes and sizes."""
    for record in records:
        for _, found, truth in record.scored():
            areas = _areas_px2(truth.boxes)
            is_sized = _is_in_range(areas)
            rows = _best_of_each_class(found)
            hits, counted = _match(found.select(rows), truth, ~is_sized | truth.ignored)
            yield (
                found.scores[rows], found.class_ids[rows], np.packbits(hits, axis=1),
                np.packbits(counted, axis=1), truth.class_ids, (is_sized & ~truth.ignored).T,
            )  # fmt: skip


def _areas_px2(boxes: Boxes) -> Floats:
    sides = boxes[:, 2:].astype(float) - boxes[:, :2]
    return np.asarray(sides[:, 0] * sides[:, 1])


def _is_in_range(areas: Floats) -> Bools:
    """``(4, N)``, both ends included."""
    low, high = _AREAS_PX2[:, :1], _AREAS_PX2[:, 1:]
    return np.asarray((areas >= low) & (areas <= high))


def _best_of_each_class(found: Detections) -> npt.NDArray[np.int64]:
    """Rows in order of score, at most 100 of each class."""
    order = np.argsort(-found.scores, kind="stable")
    if len(order) <= _MAX_DETECTIONS:
        return order
    classes = found.class_ids[order]
    kept = np.zeros(len(order), bool)
    for class_id in np.unique(classes):
        kept[np.flatnonzero(classes == class_id)[:_MAX_DETECTIONS]] = True
    return order[kept]


def _match(found: Detections, truth: GroundTruth, ignored: Bools) -> tuple[Bools, Bools]:
    """Which detections are right and which count.

    Best score first, a detection takes the object of its class that it overlaps most of those
    that are free; one that is ignored only if no other will do, and then it does not count.
    Crowds can be taken again and again.

    Parameters
    ----------
    found
        ``(N,)`` in order of score.
    truth
        ``(M,)``; ignored ones are crowds.
    ignored
        ``(4, M)`` crowds and objects of another size, for each range of areas.

    Returns
    -------
    hits, counted
        ``(N, lanes)``.
    """
    overlaps = _crowd_ious(found.boxes, truth)
    overlaps[found.class_ids[:, None] != truth.class_ids] = 0.0
    # Unmatched, those of another size do not count.
    counted = np.repeat(_is_in_range(_areas_px2(found.boxes)).T, len(_THRESHOLDS), axis=1)
    hits = np.zeros((len(found), _LANES), bool)
    lane_ignored = np.repeat(ignored, len(_THRESHOLDS), axis=0)
    taken = np.zeros((_LANES, len(truth)), bool)
    lanes = np.arange(_LANES)
    for row in np.flatnonzero((overlaps >= _THRESHOLDS[0]).any(axis=1)).tolist():
        # From the last to the first, for of two equals the library takes the later one.
        columns = np.flatnonzero(overlaps[row] >= _THRESHOLDS[0])[::-1]
        near = overlaps[row, columns]
        is_free = (near >= _LANE_IOUS[:, None]) & ~(taken[:, columns] & ~truth.ignored[columns])
        is_regular = is_free & ~lane_ignored[:, columns]
        has_regular = is_regular.any(axis=1)
        eligible = np.where(has_regular[:, None], is_regular, is_free)
        best = columns[np.argmax(np.where(eligible, near, -1.0), axis=1)]
        is_matched = eligible.any(axis=1)
        taken[lanes[is_matched], best[is_matched]] = True
        hits[row] = has_regular
        counted[row] = np.where(is_matched, has_regular, counted[row])
    return hits, counted


def _crowd_ious(boxes: Boxes, truth: GroundTruth) -> Floats:
    """``(N, M)`` IoU in double precision; of crowds the share of the detection inside."""
    first, second = boxes[:, None].astype(float), truth.boxes[None].astype(float)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(
        first[..., :2], second[..., :2]
    )
    inside = np.prod(np.maximum(sides, 0), axis=-1)
    own = _areas_px2(boxes)[:, None]
    union = np.where(truth.ignored, own, own + _areas_px2(truth.boxes) - inside)
    return np.asarray(inside / np.maximum(union, 1e-12))
