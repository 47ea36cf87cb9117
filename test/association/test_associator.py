import numpy as np
import pytest

from approx_perception.association import Associator, AssociatorOptions
from approx_perception.structures import Detections
from approx_perception.trackers import TrackerUpdate


def boxes_at(*centres, side=40.0):
    return np.array([[x - side / 2, y - side / 2, x + side / 2, y + side / 2] for x, y in centres])


def found(*centres, classes=None, scores=None):
    count = len(centres)
    return Detections.from_arrays(
        boxes_at(*centres).reshape(-1, 4),
        [0.9] * count if scores is None else scores,
        [0] * count if classes is None else classes,
    )


def ids(associator, *centres, at, **options):
    return associator.associate(found(*centres, **options), at).track_ids.tolist()


@pytest.fixture
def associator():
    return Associator(AssociatorOptions(confirm_after_hits=2, max_lost_frames=10))


def test_tentative_until_seen_often_enough():
    associator = Associator(AssociatorOptions(confirm_after_hits=3))
    assert [ids(associator, (100, 100), at=k) for k in range(4)] == [[-1], [-1], [1], [1]]


def test_identities_follow_objects_that_pass_each_other(associator):
    for step in range(12):
        result = ids(associator, (100 + 8 * step, 100), (200 - 8 * step, 150), at=step)
    assert result == [1, 2]


def test_order_of_detections_does_not_matter(associator):
    ids(associator, (100, 100), (300, 100), at=0)
    assert ids(associator, (100, 100), (300, 100), at=1) == [1, 2]
    assert ids(associator, (300, 100), (100, 100), at=2) == [2, 1]


def test_classes_are_not_mixed(associator):
    ids(associator, (100, 100), at=0, classes=[0])
    ids(associator, (100, 100), at=1, classes=[0])
    assert ids(associator, (100, 100), at=2, classes=[1]) == [-1]
    assert ids(associator, (100, 100), (100, 100), at=3, classes=[1, 0]) == [2, 1]


def test_missed_detections_keep_the_identity(associator):
    for step in range(3):
        ids(associator, (100 + 5 * step, 100), at=step)
    for step in range(3, 8):
        assert ids(associator, at=step) == []
    # Where its velocity has taken it in the meantime.
    assert ids(associator, (140, 100), at=8) == [1]


def test_identity_is_given_up_in_the_end(associator):
    ids(associator, (100, 100), at=0)
    ids(associator, (100, 100), at=1)
    for step in range(2, 13):
        ids(associator, at=step)
    assert associator.tracks == ()
    ids(associator, (100, 100), at=13)
    assert ids(associator, (100, 100), at=14) == [2]


def test_dropped_frames_count_as_time(associator):
    ids(associator, (100, 100), at=0)
    ids(associator, (110, 100), at=1)
    assert ids(associator, (150, 100), at=5) == [1]


def test_weak_detections_continue_tracks_but_start_none(associator):
    ids(associator, (100, 100), at=0)
    ids(associator, (100, 100), at=1)
    assert ids(associator, (100, 100), (300, 300), at=2, scores=[0.1, 0.1]) == [1, -1]
    assert ids(associator, (100, 100), (300, 300), at=3, scores=[0.9, 0.1]) == [1, -1]


def test_tracked_frames_keep_identities_and_drop_lost_objects(associator):
    ids(associator, (100, 100), (300, 100), at=0)
    detections = associator.associate(found((100, 100), (300, 100)), 1)
    moved = Detections.from_arrays(
        boxes_at((106, 100), (300, 100)), detections.scores, detections.class_ids,
        detections.track_ids, [1, 1],
    )  # fmt: skip
    tracked = associator.follow(TrackerUpdate(moved, np.array([False, True])), 2)
    assert tracked.track_ids.tolist() == [1]
    assert tracked.ages.tolist() == [1]
    # The lost one is found again by the detector, under its old identity.
    assert ids(associator, (112, 100), (300, 100), at=3) == [1, 2]


def test_being_tracked_confirms(associator):
    detections = associator.associate(found((100, 100)), 0)
    assert detections.track_ids.tolist() == [-1]
    tracked = associator.follow(TrackerUpdate(detections, np.array([False])), 1)
    assert tracked.track_ids.tolist() == [1]


def test_reset_forgets_objects_but_reuses_no_identity(associator):
    ids(associator, (100, 100), at=0)
    ids(associator, (100, 100), at=1)
    associator.reset()
    ids(associator, (100, 100), at=2)
    assert ids(associator, (100, 100), at=3) == [2]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_any_number_of_objects(associator, count):
    centres = [(100 * k + 50, 50) for k in range(count)]
    ids(associator, *centres, at=0)
    assert ids(associator, *centres, at=1) == list(range(1, count + 1))
