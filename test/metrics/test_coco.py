"""COCO AP equals the reference library's, on files written without our code."""

import json

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster

from approx_perception.metrics.coco_precision import coco_average_precision
from test.metrics.records import Row, found, record, truth


def random_rows(count=12, seed=0):
    """Frames with two classes, misplaced, missing, doubled and false boxes, and crowds."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        objects = int(rng.integers(1, 6))
        corners = rng.uniform(0, 100, (objects, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(5, 90, (objects, 2))], axis=1)
        classes = rng.integers(0, 2, objects).tolist()
        ignored = (rng.random(objects) < 0.15).tolist()
        kept = np.flatnonzero(rng.random(objects) < 0.85)
        moved = boxes[kept] + rng.normal(0, 4, (len(kept), 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        false = rng.uniform(0, 80, (1, 2))
        published = np.concatenate([moved, np.concatenate([false, false + 20], axis=1)])
        own = [classes[i] for i in kept] + [0]
        scores = rng.permutation(np.linspace(0.1, 0.99, len(published))).tolist()
        rows.append(
            Row(found(published, scores, classes=own), truth(boxes, None, classes, ignored))
        )
    return rows


def crowded_rows(seed):
    """More objects of a class than COCO counts, on a coarse grid where overlaps and scores tie."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(4):
        corners = rng.integers(0, 20, (150, 2)) * 8.0
        boxes = np.concatenate([corners, corners + rng.integers(1, 5, (150, 2)) * 16.0], axis=1)
        own = boxes[rng.permutation(150)[:60]]
        classes = rng.choice([0, 1], 60, p=[0.9, 0.1]).tolist()
        scores = (rng.integers(1, 20, 150) / 20).tolist()
        kinds = rng.choice([0, 1], 150, p=[0.9, 0.1]).tolist()
        ignored = (rng.random(60) < 0.2).tolist()
        rows.append(Row(found(boxes, scores, classes=kinds), truth(own, None, classes, ignored)))
    return rows


def reference(rows, tmp_path):
    """What the library says of files in COCO's format."""
    images, annotations, results = [], [], []
    for number, row in enumerate(rows, start=1):
        images.append({"id": number, "width": 200, "height": 100, "file_name": f"{number}.jpg"})
        for i, (x1, y1, x2, y2) in enumerate(row.truth.boxes.astype(float).tolist()):
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number,
                    "category_id": int(row.truth.class_ids[i]) + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": int(row.truth.ignored[i]),
                }
            )  # fmt: skip
        for i, (x1, y1, x2, y2) in enumerate(row.found.boxes.astype(float).tolist()):
            results.append(
                {
                    "image_id": number, "category_id": int(row.found.class_ids[i]) + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1], "score": float(row.found.scores[i]),
                }
            )  # fmt: skip
    categories = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "truth.json").write_text(json.dumps(whole))
    (tmp_path / "found.json").write_text(json.dumps(results))
    data = COCO(str(tmp_path / "truth.json"))
    evaluation = COCOeval_faster(data, data.loadRes(str(tmp_path / "found.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[:6]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("make", [lambda seed: random_rows(seed=seed), crowded_rows])
def test_equals_the_library_on_the_same_files(make, seed, tmp_path):
    rows = make(seed)
    ours = coco_average_precision([record(rows, ("a", "b"))])
    values = [ours.ap, ours.ap50, ours.ap75, ours.small, ours.medium, ours.large]
    expected = [np.nan if value < 0 else value for value in reference(rows, tmp_path)]
    np.testing.assert_allclose(values, expected, atol=1e-6)
    assert 0.05 < ours.ap50 < 1


def test_records_are_pooled_not_averaged(tmp_path):
    rows = random_rows(16)
    parts = [record(rows[:3], ("a", "b")), record(rows[3:], ("a", "b"))]
    pooled = coco_average_precision(parts).ap
    assert pooled == pytest.approx(coco_average_precision([record(rows, ("a", "b"))]).ap)
    assert pooled != pytest.approx(
        np.mean([coco_average_precision([part]).ap for part in parts]), abs=1e-3
    )


def test_nothing_to_find_is_nan():
    ours = coco_average_precision([record([Row(found([[0, 0, 5, 5]]), truth([]))])])
    assert np.isnan([ours.ap, ours.ap50]).all()


def test_a_crowd_is_neither_hit_nor_miss():
    rows = [Row(found([[0, 0, 20, 20]]), truth([[0, 0, 20, 20], [50, 50, 80, 80]],
                                               ignored=[False, True]))]  # fmt: skip
    assert coco_average_precision([record(rows)]).ap50 == pytest.approx(1.0)
    rows[0].found = found([[0, 0, 20, 20], [50, 50, 80, 80]], [0.5, 0.9])
    assert coco_average_precision([record(rows)]).ap50 == pytest.approx(1.0)
