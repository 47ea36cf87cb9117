"""COCO AP of recorded runs, by faster-coco-eval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from approx_perception.evaluation.run_record import RunRecord
from approx_perception.structures.boxes import areas_px2

__all__ = ["CocoAveragePrecision", "coco_average_precision", "coco_results", "coco_truth"]


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


def coco_truth(records: Sequence[RunRecord], only_class: int | None = None) -> dict[str, Any]:
    """Ground truth of all scored frames as a COCO data set; ignored objects are crowds.

    Images are numbered from 1 over all records, annotations too; categories are class ids + 1.

    Parameters
    ----------
    records
        Of one set of classes.
    only_class
        Leave out the objects of all others; None for all classes.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for record in records:
        for frame, _, truth in record.scored():
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": f"{record.metadata['source']}/{frame + 1}",
                    "width": int(record.frames["width"][frame]),
                    "height": int(record.frames["height"][frame]),
                }
            )
            areas = areas_px2(truth.boxes)
            for row, box, class_id in _rows(truth.boxes, truth.class_ids, only_class):
                annotations.append(
                    {
                        "id": len(annotations) + 1, "image_id": len(images),
                        "category_id": class_id + 1, "bbox": box, "area": float(areas[row]),
                        "iscrowd": int(truth.ignored[row]), "track_id": int(truth.track_ids[row]),
                    }
                )  # fmt: skip
    names = records[0].class_names if records else ()
    categories = [{"id": index + 1, "name": name} for index, name in enumerate(names)]
    return {"images": images, "annotations": annotations, "categories": categories}


def coco_results(
    records: Sequence[RunRecord], only_class: int | None = None
) -> list[dict[str, Any]]:
    """Detections of all scored frames in COCO's results format, numbered as in `coco_truth`."""
    results: list[dict[str, Any]] = []
    number = 0
    for record in records:
        for _, found, _ in record.scored():
            number += 1
            scores = found.scores.tolist()
            for row, box, class_id in _rows(found.boxes, found.class_ids, only_class):
                results.append(
                    {
                        "image_id": number, "category_id": class_id + 1, "bbox": box,
                        "score": scores[row],
                    }
                )  # fmt: skip
    return results


def _rows(
    boxes: Any, class_ids: Any, only_class: int | None
) -> Iterator[tuple[int, list[float], int]]:
    """Position, left, top, width and height, and class of each object."""
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(float)
    for row, class_id in enumerate(class_ids.tolist()):
        if only_class is None or class_id == only_class:
            yield row, sides[row].tolist(), class_id


def coco_average_precision(records: Sequence[RunRecord]) -> CocoAveragePrecision:
    """Score all records together.

    One class after the other, for a class does not ask what the others are, and what the library
    holds of all of them at once would grow to many times the records.
    """
    precisions = [
        precision
        for class_id in range(len(records[0].class_names) if records else 0)
        if (precision := _class_precision(records, class_id)) is not None
    ]
    if not precisions:
        return CocoAveragePrecision(*[float("nan")] * 6)
    # (thresholds of IoU, recalls, classes, ranges of area)
    precision = np.concatenate(precisions, axis=2)

    def mean(part: Any) -> float:
        # It says -1 where there is nothing to find.
        known = part[part > -1]
        return float(known.mean()) if known.size else float("nan")

    at_50, at_75 = 0, 5
    return CocoAveragePrecision(
        mean(precision[..., 0]), mean(precision[at_50, ..., 0]), mean(precision[at_75, ..., 0]),
        *(mean(precision[..., area]) for area in (1, 2, 3)),
    )  # fmt: skip


def _class_precision(records: Sequence[RunRecord], class_id: int) -> Any | None:
    """``(10, 101, 1, 4)``, -1 where nothing is to be found; None where no object of it is."""
    truth = coco_truth(records, class_id)
    if all(annotation["iscrowd"] for annotation in truth["annotations"]):
        return None
    truth["categories"] = [entry for entry in truth["categories"] if entry["id"] == class_id + 1]
    reference = COCO(truth)
    results = coco_results(records, class_id)
    if not results:
        # The library takes no empty list; a detection of score 0 beside everything is as good.
        results = [{"image_id": 1, "category_id": class_id + 1, "bbox": [-2.0, -2.0, 1.0, 1.0],
                    "score": 0.0}]  # fmt: skip
    evaluation = COCOeval_faster(reference, reference.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    # At most 100 detections an image are the last of its three choices.
    return np.asarray(evaluation.eval["precision"])[..., -1]
