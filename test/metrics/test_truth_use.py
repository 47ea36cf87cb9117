"""What is told of ground truth that found no partner."""

import math

import pytest

from approx_perception.datasets.class_map import ClassMap
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.exceptions import ConfigurationError
from approx_perception.metrics.figures import figures_of
from approx_perception.metrics.truth_use import (
    accuracy_words,
    check_classes,
    truth_given,
    truth_use,
    unused_truth,
)
from test.metrics.records import Row, found, record, truth

BOX = [0, 0, 10, 10]
ONE = truth([BOX])


def used(rows, names=("person",), **given):
    metadata = {
        "name": "gt.txt", "is_named": True, "objects_given": None, "remarks": [],
        "network_classes": ["person", "car"], "found_classes": ["person"], **given,
    }  # fmt: skip
    return record(rows, names, truth=metadata)


@pytest.mark.parametrize(
    ("rows", "given", "words"),
    [
        ([Row(found([BOX]), ONE)], {}, "AP50 1.000"),
        ([Row(found([BOX]))], {}, "AP50 is unknown: no processed frame has ground truth (not one "
                                  "of 1 frame has truth in gt.txt)"),
        ([Row(found([BOX]), truth([]))], {}, "AP50 is unknown: no processed frame has an object in "
                                             "its ground truth (not one of 1 frame has an object "
                                             "in gt.txt)"),
        ([Row(found([BOX]), ONE)], {"found_classes": []}, "no class of one name"),
        ([Row(found([[50, 50, 60, 60]]), ONE)], {}, "AP50 0.000: nothing that was found is in the "
                                                    "ground truth; is it of these images?"),
        ([Row(truth=ONE)], {}, "AP50 0.000: nothing was found"),
    ],
)  # fmt: skip
def test_accuracy_that_tells_nothing_has_its_reason_beside_it(rows, given, words):
    own = used(rows, **given)
    text, tells = accuracy_words([own], figures_of([own])["ap50"])
    assert words in text
    assert tells == (words == "AP50 1.000")


def test_all_used():
    assert truth_use([used([Row(found([BOX]), ONE)] * 3, objects_given=3)]) == {
        "frames": 3, "frames_with_truth": 3, "objects": 3, "objects_ignored": 0,
        "judges_objects": True, "warnings": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "given", "words"),
    [
        ([Row()] * 3, {}, ("not one of 3 frames has truth in gt.txt",)),
        ([Row(truth=ONE), Row()], {}, ("1 of 2 frames have no truth in", "frame 2 the first")),
        ([Row(truth=ONE)], {"objects_given": 9}, ("8 of 9 objects of gt.txt are of no frame",)),
        ([Row(truth=ONE)] + [Row(truth=truth([]))] * 2, {}, ("the last 2 of 3 frames are empty",)),
        ([Row(truth=truth([]))] * 3, {}, ("not one of 3 frames has an object in gt.txt",)),
        ([Row(truth=truth([])), Row(truth=ONE)] * 2, {}, ("2 of 4 frames are empty in gt.txt, "
                                                          "frame 1 the first",)),
        ([Row(truth=truth([])), Row(truth=ONE)], {}, ("1 of 2 frames are empty in gt.txt",)),
        ([Row(truth=ONE), Row(truth=ONE, dropped=True)], {}, ("1 of 2 objects of gt.txt are in "
                                                              "frames that were dropped",)),
        ([Row(truth=truth([BOX] * 3, [0, 0, 0]))], {}, ("2 objects of gt.txt have an identity "
                                                        "that another one",)),
        ([Row(truth=truth([[0.1, 0.2, 0.9, 0.8]]))], {}, ("are they normalised",)),
        ([Row(truth=truth([BOX], ignored=[True]))], {}, ("all objects of gt.txt are to",)),
        ([Row(truth=truth([BOX], [-1]))], {}, ("1 objects of gt.txt have no identity, so HOTA",)),
        (
            [Row(truth=ONE)], {"found_classes": []},
            ("the network knows person, car, gt.txt has person", "--class-map"),
        ),
        ([Row(truth=ONE)], {"remarks": ["images are numbered from 0"]}, ("numbered from 0",)),
    ],
)  # fmt: skip
def test_what_found_no_partner_is_told_with_the_reason(rows, given, words):
    (text,) = truth_use([used(rows, **given)])["warnings"]
    assert text.startswith("made_up: ")
    for word in words:
        assert word in text


def test_classes_that_the_network_does_not_know_are_counted():
    both = used(
        [Row(truth=truth([BOX, BOX, BOX], classes=[0, 1, 1]))], ("person", "unicorn"),
    )  # fmt: skip
    (text,) = truth_use([both])["warnings"]
    assert (
        "2 of 3 objects of gt.txt are of classes that the network does not know (unicorn)" in text
    )


def test_truth_that_ends_too_early_and_has_gaps_is_told_of_both():
    rows = [Row(truth=truth([])), *[Row(truth=ONE)] * 4, *[Row(truth=truth([]))] * 3]
    end, gap = truth_use([used(rows)])["warnings"]
    assert "the last 3 of 8 frames are empty" in end
    assert "1 of 8 frames are empty in gt.txt, frame 1 the first" in gap


def test_only_frames_that_were_processed_are_counted():
    use = truth_use([used([Row(truth=ONE), *[Row(truth=ONE, dropped=True)] * 2])])
    assert (use["frames"], use["frames_with_truth"], use["objects"]) == (3, 1, 1)


def test_truth_that_is_known_of_every_frame_may_be_empty_in_some():
    rows = [Row(truth=ONE), Row(truth=truth([]))]
    assert truth_use([used(rows, name="")])["warnings"] == []
    assert truth_use([used([Row(truth=truth([]))], name="")])["warnings"] != []


@pytest.mark.parametrize(
    ("ids", "classes", "ignored", "is_known"),
    [
        ([0, 0], [0, 0], [False, False], False),
        ([7, 7], [0, 1], [False, False], True),
        ([7, 7], [0, 0], [False, True], True),
        ([7, -1], [0, 0], [False, False], False),
        ([7, 8], [0, 0], [False, False], True),
    ],
)
def test_two_objects_of_one_identity_make_scores_unknown(ids, classes, ignored, is_known):
    pytest.importorskip("trackeval")
    own = truth([BOX, [20, 20, 30, 30]], ids, classes, ignored)
    figures = figures_of([used([Row(truth=own)] * 2, ("person", "car"))])
    assert math.isnan(figures["hota"]) is not is_known


def test_no_truth_at_all_is_no_warning():
    assert truth_use([record([Row()])])["warnings"] == []


def test_truth_that_was_named_and_not_used():
    rows = [Row(truth=ONE, dropped=True), Row(truth=truth([]))]
    (text,) = unused_truth([used(rows), used([Row(truth=ONE)]), used(rows, is_named=False)])
    assert text.startswith("made_up: no object of gt.txt was used")


def test_a_source_tells_what_a_record_keeps():
    source = SyntheticVideo("calm", "test", 0, 2, width=64, height=48)
    class_map = ClassMap(("person", "car"), ("person", "dog"))
    given = truth_given(source, class_map, is_named=False, is_whole=True)
    assert given["network_classes"] == ["person", "car"]
    assert given["found_classes"] == ["person"]


def test_classes_of_no_common_name_are_refused_where_the_truth_was_named():
    check_classes(ClassMap(("human",), ("person",), {"human": "person"}), "gt.txt")
    with pytest.raises(ConfigurationError, match="the network knows human, gt"):
        check_classes(ClassMap(("human",), ("person",)), "gt.txt")
