"""Boxes that can be read in a crowd: labels apart, colours that differ, readable text."""

from itertools import combinations

import cv2
import numpy as np
import pytest

from approx_perception.branches import ClassifierBranch
from approx_perception.kernels import labels
from approx_perception.kernels.annotate import (
    _wrapped,
    annotate,
    object_label,
    status_lines,
    track_colour,
)
from approx_perception.kernels.labels import place_labels
from approx_perception.structures import Classification, Decision
from test.metrics.records import found


def overlaps(places):
    return [
        (one, other)
        for one, other in combinations(places.tolist(), 2)
        if min(one[2], other[2]) > max(one[0], other[0])
        and min(one[3], other[3]) > max(one[1], other[1])
    ]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_labels(count):
    boxes = np.array([[10, 50, 40, 90]] * count, np.int64).reshape(-1, 4)
    places = place_labels(boxes, [(30, 12)] * count, (200, 100))
    assert places.shape == (count, 4)
    assert places[:1].tolist() == [[10, 38, 40, 50]][:count]
    assert not overlaps(places)


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_a_crowd_stand_apart_and_inside(seed):
    random = np.random.default_rng(seed)
    corners = random.integers((0, 0), (600, 400), (30, 2))
    boxes = np.concatenate([corners, corners + random.integers(20, 80, (30, 2))], axis=1)
    taken = [(4, 4, 200, 21), (4, 21, 200, 38)]
    places = place_labels(boxes, [(80, 13)] * 30, (640, 480), taken)
    assert not overlaps(np.concatenate([places, np.array(taken)]))
    assert (places[:, :2] >= 0).all()
    assert (places[:, 2:] <= (640, 480)).all()


def test_hundreds_of_labels_search_the_image_no_more_often_than_a_hundred(monkeypatch):
    searched = []
    nearest = labels._nearest_corners
    monkeypatch.setattr(
        labels, "_nearest_corners", lambda *where: searched.append(where) or nearest(*where)
    )
    boxes = np.array([[0, 0, 20, 20]] * 300, np.int64)
    assert place_labels(boxes, [(60, 13)] * 300, (64, 48)).shape == (300, 4)
    assert 0 < len(searched) <= 100


def test_where_there_is_no_room_every_label_still_has_a_place():
    boxes = np.array([[0, 0, 20, 20]] * 30, np.int64)
    places = place_labels(boxes, [(60, 13)] * 30, (64, 48))
    assert places.shape == (30, 4)
    # A label wider than the image begins at its left edge.
    assert place_labels(boxes[:1], [(100, 13)], (64, 48)).tolist() == [[0, 0, 100, 13]]


def test_identities_that_are_near_differ_well():
    colours = np.array([track_colour(i) for i in range(16)] + [track_colour(-1), (255, 255, 255)])
    lab = cv2.cvtColor(colours.astype(np.float32)[None] / 255, cv2.COLOR_BGR2LAB)[0]
    for one, other in combinations(range(len(lab)), 2):
        assert np.linalg.norm(lab[one] - lab[other]) > 15, (one, other)


def test_labels_name_identity_class_and_percent():
    objects = found([[0, 0, 9, 9]] * 2, [0.64, 0.999], ids=[45, -1], classes=[1, 0])
    assert object_label(objects, 0, ("dog", "car")) == "#45 car 64 %"
    assert object_label(objects, 1, ("dog", "car")) == "dog 100 %"


@pytest.mark.parametrize("identity", range(16))
def test_text_can_be_read_on_its_colour(identity):
    image = np.full((60, 200, 3), 90, np.uint8)
    drawn = annotate(image, found([[20, 30, 90, 55]], ids=[identity]), ("car",))
    label = drawn[17:30, 20:80].reshape(-1, 3).astype(float) @ (0.114, 0.587, 0.299)
    assert label.max() - label.min() > 100
    assert (image == 90).all()


def test_boxes_far_outside_do_not_break_the_picture():
    boxes = [[-1e9, -5, 1e9, 50], [500, 500, 600, 600]]
    drawn = annotate(np.zeros((60, 80, 3), np.uint8), found(boxes, ids=[1, 2]), ("car",), ["line"])
    assert drawn.shape == (60, 80, 3)


@pytest.mark.parametrize("width", [320, 200, 640])
def test_lines_wider_than_the_image_are_broken_and_not_cut(width):
    lines = [
        "shape=320,nprop=20,si=4,tracker=median_flow,ds=2",
        "12.3 ms of 100 ms, detected",
        "the network that ships knows only synthetic shapes, no real things: name weights",
    ]
    drawn = annotate(np.zeros((240, width, 3), np.uint8), found([]), ("car",), lines)
    slabs = drawn.max(axis=2) == 255
    # A slab that is cut would reach the edge.
    assert slabs.any()
    assert not slabs[:, -1].any()
    parts = [part for line in lines for part in _wrapped(line, width - 8)]
    assert "".join(parts).replace(" ", "") == "".join(lines).replace(" ", "")


def told(scores, regions, ids):
    order = np.tile(np.arange(len(scores[0])), (len(scores), 1))
    return Classification(
        order, np.array(scores, np.float32), np.array(regions, np.float32), np.array(ids)
    )


def test_classes_are_told_beside_their_regions(monkeypatch):
    written = []
    monkeypatch.setattr(
        "approx_perception.kernels.annotate._put_label",
        lambda image, text, place, colour: written.append((text, tuple(place))),
    )
    names = ("car", "van", "bus")
    output = told(
        [[0.5, 0.35, 0.15], [0.28, 0.2, 0.1]], [[0, 0, 200, 120], [40, 60, 90, 100]], [-1, 7]
    )
    drawn = annotate(np.zeros((120, 200, 3), np.uint8), output, names, ["shape=80,exit=1"])
    # The likeliest class is told even if it is not likely.
    assert [text for text, _ in written] == ["#7 car 28 %", "car 50 %, van 35 %", "shape=80,exit=1"]
    assert not overlaps(np.array([place for _, place in written]))
    assert drawn[80, 40].any()


def test_nothing_is_drawn_of_a_frame_without_regions():
    image = np.zeros((60, 80, 3), np.uint8)
    assert not annotate(image, Classification.empty(), ("car",)).any()


@pytest.mark.parametrize(
    ("kind", "word"), [("detect", "detected"), ("track", "tracked"), ("classify", "classified")]
)
def test_lines_say_how_a_frame_was_processed(kind, word):
    decision = Decision(ClassifierBranch(80, 1), kind, True, False, 0.0, 0.0, 0.0, "")
    assert status_lines(decision, 7.25, 10.0) == ["shape=80,exit=1", f"7.2 ms of 10 ms, {word}"]
