"""Boxes carried to later times."""

import numpy as np
import pytest

from approx_perception.association import Associator
from test.association.test_associator import boxes_at, found

SIZE = (640, 480)


def seen(stamps_ns, centre_at, associator=None):
    """Objects of the last of some frames, and the forecast of them."""
    associator = associator or Associator()
    for sequence, stamp_ns in enumerate(stamps_ns):
        objects = associator.associate(found(centre_at(stamp_ns / 1e9)), stamp_ns, sequence)
    return objects, associator.forecast(objects, SIZE, 0.0)


def to_the_right(seconds):
    """300 px a second."""
    return 100 + 300 * seconds, 100


EVEN = [round(k * 1e9 / 30) for k in range(15)]
#: Two of three frames were dropped, now and then.
UNEVEN = [EVEN[k] for k in (0, 1, 2, 5, 6, 9, 10, 11, 14)]


@pytest.mark.parametrize("stamps_ns", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_a_box_goes_on_as_it_went_by_its_stamps(stamps_ns):
    objects, forecast = seen(stamps_ns, to_the_right)
    later = forecast.after(100.0)
    np.testing.assert_allclose(later.boxes - objects.boxes, [[30, 0, 30, 0]], atol=3)
    assert later.track_ids.tolist() == objects.track_ids.tolist() == [1]
    assert later.scores.tolist() == objects.scores.tolist()


def test_at_the_time_of_the_frame_boxes_are_those_of_the_frame():
    objects, forecast = seen(EVEN, to_the_right)
    np.testing.assert_array_equal(forecast.after(0.0).boxes, objects.boxes)


def test_an_object_seen_once_stays_and_is_soon_left_out():
    objects, forecast = seen(EVEN[:1], to_the_right)
    assert objects.track_ids.tolist() == [-1]
    np.testing.assert_array_equal(forecast.after(100.0).boxes, objects.boxes)
    assert len(forecast.after(300.0)) == 0


def test_one_seen_for_long_is_told_for_longer_but_not_for_ever():
    _, forecast = seen(EVEN, lambda _: (300, 200))
    assert [len(forecast.after(ms)) for ms in (300.0, 1000.0, 10_000.0)] == [1, 1, 0]


def test_an_object_that_will_have_left_the_image_is_left_out():
    _, forecast = seen(EVEN, lambda seconds: (550 + 150 * seconds, 100))
    assert [len(forecast.after(ms)) for ms in (100.0, 700.0)] == [1, 0]


def test_later_frames_do_not_change_a_forecast():
    associator = Associator()
    _, forecast = seen(EVEN, to_the_right, associator)
    before = forecast.after(100.0).boxes.copy()
    associator.associate(found((0, 400)), EVEN[-1] + 10**8, len(EVEN))
    np.testing.assert_array_equal(forecast.after(100.0).boxes, before)


def test_after_a_reset_nothing_is_known_of_motion():
    associator = Associator()
    seen(EVEN, to_the_right, associator)
    associator.reset()
    objects, forecast = seen(EVEN[:1], to_the_right, associator)
    np.testing.assert_array_equal(forecast.after(100.0).boxes, objects.boxes)


def test_stamps_of_zero_count_as_frames_of_a_usual_camera():
    associator = Associator()
    for sequence in range(15):
        objects = associator.associate(found((100 + 10 * sequence, 100)), 0, sequence)
    later = associator.forecast(objects, SIZE, 0.0).after(100.0)
    np.testing.assert_allclose(later.boxes, boxes_at((270, 100)), atol=3)


def test_nothing_of_nothing():
    associator = Associator()
    objects = associator.associate(found(), 0, 0)
    assert len(associator.forecast(objects, SIZE, 0.0).after(50.0)) == 0
