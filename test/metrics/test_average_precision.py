import math

import numpy as np
import pytest

from approx_perception.datasets.class_map import ClassMap
from approx_perception.metrics.average_precision import (
    match_frame,
    mean_ap50,
    mean_ap50_of_draws,
)
from approx_perception.structures import Detections, GroundTruth

BOX = [0, 0, 10, 10]
FAR = [100, 100, 110, 110]
HALF_RIGHT = [0, 0, 10, 6]  # IoU 0.6 with BOX


def truth(boxes, classes=None, ignored=None):
    count = len(boxes)
    return GroundTruth(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(classes or [0] * count, np.int64),
        np.arange(count),
        np.array(ignored or [False] * count, bool),
    )


def found(boxes, scores, classes=None):
    return Detections.from_arrays(boxes, scores, classes or [0] * len(scores))


def ap(frames, classes=1):
    return mean_ap50((match_frame(*frame) for frame in frames), classes).mean


def test_perfect():
    assert ap([(found([BOX], [0.9]), truth([BOX]))]) == 1.0


def test_nothing_found():
    assert ap([(found([], []), truth([BOX]))]) == 0.0


def test_nothing_there():
    assert math.isnan(ap([(found([BOX], [0.9]), truth([]))]))
    assert math.isnan(ap([]))


def test_by_hand():
    # Ranked: hit, miss, hit; 3 objects. Precision 1, 1/2, 2/3; envelope 1, 2/3, 2/3.
    frames = [
        (found([BOX, FAR], [0.9, 0.8]), truth([BOX])),
        (found([BOX], [0.7]), truth([BOX, FAR])),
    ]
    assert ap(frames) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)


def test_a_second_detection_of_an_object_is_a_miss():
    assert ap([(found([FAR, BOX, BOX], [0.9, 0.8, 0.7]), truth([BOX, FAR]))]) == 1.0
    # Ranked: hit, miss, hit of 2 objects.
    frames = [(found([BOX, BOX, FAR], [0.9, 0.8, 0.7]), truth([BOX, FAR]))]
    assert ap(frames) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_best_overlap_wins_not_the_first():
    # The original matched the first object over 0.5, which costs the second detection its own.
    frames = [(found([BOX, HALF_RIGHT], [0.9, 0.8]), truth([HALF_RIGHT, BOX]))]
    assert ap(frames) == 1.0


def test_ignored_objects_are_neither_hits_nor_misses():
    region = truth([BOX, FAR], ignored=[True, False])
    assert ap([(found([BOX, BOX, FAR], [0.9, 0.8, 0.7]), region)]) == 1.0
    assert ap([(found([FAR], [0.7]), region)]) == 1.0


def test_mean_over_the_classes_that_are_there():
    frames = [(found([BOX, FAR], [0.9, 0.8], [0, 2]), truth([BOX, FAR], [0, 1]))]
    result = mean_ap50((match_frame(*frame) for frame in frames), 3)
    assert result.per_class == {0: 1.0, 1: 0.0}
    assert result.mean == 0.5


def test_classes_are_matched_by_name():
    detections = found([BOX, FAR, BOX], [0.9, 0.8, 0.7], [2, 0, 1])
    mapped = ClassMap(("car", "cat", "person"), ("person", "car")).apply(detections)
    assert mapped.class_ids.tolist() == [0, 1]
    assert mapped.scores.tolist() == pytest.approx([0.9, 0.8])
    empty = ClassMap(("car",), ("person",)).apply(Detections.empty())
    assert len(empty) == 0


def test_draws_of_frames_are_judged_as_if_they_had_been_put_together():
    random = np.random.default_rng(5)
    matches = []
    for _ in range(40):
        classes = random.integers(0, 3, 4).tolist()
        boxes = [[x, 0, x + 10, 10] for x in range(0, 80, 20)]
        seen = [box if random.random() < 0.7 else FAR for box in boxes]
        matches.append(
            match_frame(found(seen, random.random(4).tolist(), classes), truth(boxes, classes))
        )
    draws = random.integers(0, 40, (9, 40))
    counts = np.array([np.bincount(draw, minlength=40) for draw in draws])
    together = [mean_ap50([matches[i] for i in draw], 3).mean for draw in draws]
    assert mean_ap50_of_draws(matches, 3, counts) == pytest.approx(together)
    assert np.ptp(together) > 0


def test_a_draw_counts_only_classes_that_it_has():
    matches = [
        match_frame(found([BOX], [0.5]), truth([BOX])),
        match_frame(found([], [], []), truth([BOX], [1])),
        match_frame(found([BOX], [0.9]), truth([])),
    ]
    counts = np.array([[1, 1, 0], [2, 0, 0], [0, 3, 0], [0, 0, 3]])
    np.testing.assert_allclose(mean_ap50_of_draws(matches, 2, counts), [0.5, 1.0, 0.0, np.nan])
