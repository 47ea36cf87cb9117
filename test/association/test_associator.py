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


def ids(associator, *centres, at, hz=30.0, **options):
    stamp_ns = round(1e9 * at / hz)
    return associator.associate(found(*centres, **options), stamp_ns, at).track_ids.tolist()


@pytest.fixture
def associator():
    return Associator(AssociatorOptions(max_lost_s=10 / 30))


def test_a_sure_object_is_known_on_the_second_frame(associator):
    assert [ids(associator, (100, 100), at=k) for k in range(3)] == [[-1], [1], [1]]


@pytest.mark.parametrize("hz", [5, 10, 30])
def test_a_doubtful_object_is_known_after_a_second(hz):
    associator = Associator()
    known = [ids(associator, (100, 100), at=k, hz=hz, scores=[0.6]) for k in range(2 * hz)]
    assert known[:hz] == [[-1]] * hz
    assert known[hz + 1 :] == [[1]] * (hz - 1)


@pytest.mark.parametrize("score, seconds", [(0.45, 2), (0.35, None)])
def test_a_weak_object_is_known_after_two_seconds_or_never(score, seconds):
    associator, hz = Associator(), 10
    known = [ids(associator, (100, 100), at=k, hz=hz, scores=[score]) for k in range(4 * hz)]
    first = known.index([1]) if [1] in known else None
    assert first == (seconds and pytest.approx(hz * seconds, abs=1))


def test_identities_follow_objects_that_pass_each_other(associator):
    for step in range(12):
        result = ids(associator, (100 + 8 * step, 100), (200 - 8 * step, 150), at=step)
    assert result == [1, 2]


def test_order_of_detections_does_not_matter(associator):
    ids(associator, (100, 100), (300, 100), at=0)
    assert ids(associator, (100, 100), (300, 100), at=1) == [1, 2]
    assert ids(associator, (300, 100), (100, 100), at=2) == [2, 1]


def test_an_object_keeps_its_identity_when_its_class_flips(associator):
    ids(associator, (100, 100), at=0, classes=[0])
    ids(associator, (100, 100), at=1, classes=[0])
    assert ids(associator, (100, 100), at=2, classes=[1]) == [1]
    # Of two that fit, the one of its class is taken.
    assert ids(associator, (100, 100), (110, 100), at=3, classes=[1, 0]) == [-1, 1]


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


@pytest.mark.parametrize("hz", [5, 30])
def test_dropped_frames_count_as_time(associator, hz):
    for step in range(4):
        ids(associator, (100 + 30 * step, 100), at=step, hz=hz)
    # Farther than an object may jump, but where it was going to be.
    assert ids(associator, (310, 100), at=7, hz=hz) == [1]


def test_motion_goes_by_stamps(associator):
    """Frames that come late carry an object farther, whatever their numbers say."""
    for number, at_ms in enumerate((0, 33, 66, 99, 300)):
        detections = found((100 + at_ms, 100))
        identified = associator.associate(detections, at_ms * 10**6, number)
    assert identified.track_ids.tolist() == [1]
    # 1000 px a second, on frames that are 201 ms apart now.
    assert associator.speeds_px_per_frame(identified) == pytest.approx([201], rel=0.02)


@pytest.mark.parametrize("stamps_ns", [[0] * 4, [9 * 10**9, 0, 0, 0]])
def test_stamps_that_do_not_rise_are_not_believed(associator, stamps_ns):
    """Then frames are taken for those of a camera of 30 Hz."""
    for number, stamp_ns in enumerate(stamps_ns):
        identified = associator.associate(found((100 + 3 * number, 100)), stamp_ns, number)
    assert identified.track_ids.tolist() == [1]
    assert associator.speeds_px_per_frame(identified) == pytest.approx([3], rel=0.1)


def test_weak_detections_continue_tracks_but_start_none(associator):
    ids(associator, (100, 100), at=0)
    ids(associator, (100, 100), at=1)
    assert ids(associator, (100, 100), (300, 300), at=2, scores=[0.1, 0.1]) == [1, -1]
    assert ids(associator, (100, 100), (300, 300), at=3, scores=[0.9, 0.1]) == [1, -1]


def test_tracked_frames_keep_identities_and_drop_lost_objects(associator):
    ids(associator, (100, 100), (300, 100), at=0)
    detections = associator.associate(found((100, 100), (300, 100)), 33 * 10**6, 1)
    moved = Detections.from_arrays(
        boxes_at((106, 100), (300, 100)), detections.scores, detections.class_ids,
        detections.track_ids, [1, 1],
    )  # fmt: skip
    tracked = associator.follow(TrackerUpdate(moved, np.array([False, True])), 66 * 10**6, 2)
    assert tracked.track_ids.tolist() == [1]
    assert tracked.ages.tolist() == [1]
    # The lost one is found again by the detector, under its old identity.
    assert ids(associator, (112, 100), (300, 100), at=3) == [1, 2]


def test_being_tracked_confirms(associator):
    detections = associator.associate(found((100, 100)), 0, 0)
    assert detections.track_ids.tolist() == [-1]
    tracked = associator.follow(TrackerUpdate(detections, np.array([False])), 33 * 10**6, 1)
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
