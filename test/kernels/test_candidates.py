import numpy as np
import pytest

from approx_perception.kernels.candidates import candidates
from approx_perception.structures import Detections
from approx_perception.structures.boxes import iou_matrix


def by_definition(found, min_iou):
    """Greedy, one by one."""
    kept = []
    for row in np.argsort(-found.scores, kind="stable"):
        overlaps = iou_matrix(found.boxes[[row]], found.boxes[kept])[0] if kept else np.zeros(0)
        if (overlaps <= min_iou).all():
            kept.append(int(row))
    return sorted(kept)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_suppression_is_what_the_definition_says(seed, count):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 30, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(10, 30, (count, 2))], axis=1)
    scores, classes = rng.uniform(0.1, 1, count), rng.integers(0, 3, count)
    found = Detections.from_arrays(boxes, scores, classes)
    for min_iou in (0.3, 0.5, 0.7):
        kept = candidates(found, class_agnostic_iou=min_iou)
        np.testing.assert_array_equal(kept.boxes, found.boxes[by_definition(found, min_iou)])
    assert len(candidates(found, class_agnostic_iou=1.0)) == count


def test_a_box_that_is_suppressed_suppresses_none():
    """Of three in a row, each overlapping the next, the first and the last stay."""
    boxes = [[0, 0, 100, 10], [12, 0, 112, 10], [24, 0, 124, 10]]
    found = Detections.from_arrays(boxes, [0.9, 0.8, 0.7], [0, 1, 2])
    assert candidates(found).class_ids.tolist() == [0, 2]


def test_weak_ones_and_other_classes_are_left_out():
    found = Detections.from_arrays(
        [[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]], [0.9, 0.04, 0.5], [0, 0, 1]
    )
    assert candidates(found).scores.tolist() == pytest.approx([0.9, 0.5])
    assert candidates(found, np.array([False, True])).class_ids.tolist() == [1]
    assert len(candidates(found, least_score=0.0)) == 3
