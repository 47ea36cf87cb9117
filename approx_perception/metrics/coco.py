"""Recorded runs in COCO's formats, for other people's tools."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures.boxes import areas_px2

__all__ = ["coco_results", "coco_truth"]


def coco_truth(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Ground truth of all scored frames as a COCO data set; ignored objects are crowds.

    Images are numbered from 1 over all records, annotations too; categories are class ids + 1.

    Parameters
    ----------
    records
        Of one set of classes.
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
            for row, box, class_id in _rows(truth.boxes, truth.class_ids):
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
            for row, box, class_id in _rows(found.boxes, found.class_ids):
                results.append(
                    {
                        "image_id": number, "category_id": class_id + 1, "bbox": box,
                        "score": scores[row],
                    }
                )  # fmt: skip
    return results


def _rows(boxes: Any, class_ids: Any) -> Iterator[tuple[int, list[float], int]]:
    """Position, left, top, width and height, and class of each object."""
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(float)
    for row, class_id in enumerate(class_ids.tolist()):
        yield row, sides[row].tolist(), class_id
