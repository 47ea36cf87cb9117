"""COCO AP of recorded runs, by faster-coco-eval."""

from collections.abc import Sequence
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


def coco_truth(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Ground truth of all scored frames as a COCO data set; ignored objects are crowds.

    Images are numbered from 1 over all records, annotations too; categories are class ids + 1.
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
            for row, (box, class_id) in enumerate(_rows(truth.boxes, truth.class_ids)):
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


def coco_results(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Detections of all scored frames in COCO's results format, numbered as in `coco_truth`."""
    results: list[dict[str, Any]] = []
    number = 0
    for record in records:
        for _, found, _ in record.scored():
            number += 1
            scores = found.scores.tolist()
            for row, (box, class_id) in enumerate(_rows(found.boxes, found.class_ids)):
                results.append(
                    {
                        "image_id": number, "category_id": class_id + 1, "bbox": box,
                        "score": scores[row],
                    }
                )  # fmt: skip
    return results


def _rows(boxes: Any, class_ids: Any) -> list[tuple[list[float], int]]:
    """Left, top, width, height and class of each object."""
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return list(zip(sides.astype(float).tolist(), class_ids.tolist(), strict=True))


def coco_average_precision(records: Sequence[RunRecord]) -> CocoAveragePrecision:
    """Score all records together."""
    truth = coco_truth(records)
    if not any(not annotation["iscrowd"] for annotation in truth["annotations"]):
        return CocoAveragePrecision(*[float("nan")] * 6)
    reference = COCO(truth)
    evaluation = COCOeval_faster(reference, reference.loadRes(coco_results(records)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    # It says -1 where there is nothing to find.
    return CocoAveragePrecision(
        *(float(value) if value >= 0 else float("nan") for value in evaluation.stats[:6])
    )
