"""Stamps as cameras give them, good and bad; no ROS graph."""

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.ros.stream_time import StreamTime

S = 10**9
DAY = 86_400 * S


def resets(stamps):
    time = StreamTime()
    return [index for index, stamp in enumerate(stamps) if time.began_anew(stamp)]


def steady(count=50, start=1_700_000_000 * S):
    return [start + index * S // 30 for index in range(count)]


@pytest.mark.parametrize(
    "odd", [0, -1, -5 * S, -(2**31) * S, 1, S, 2**31 * S - 1, 1_900_000_000 * S]
)
def test_odd_stamps_among_good_ones_change_nothing(odd):
    stamps = steady()
    stamps[5::10] = [odd] * 5
    assert resets(stamps) == []


def test_a_stream_without_stamps_never_begins_anew():
    assert resets([0] * 50) == []
    assert resets([-3] * 50) == []


@pytest.mark.parametrize("start", [0, 1, 100 * S, 1_700_000_000 * S])
def test_a_bag_that_loops_begins_anew_once_a_round(start):
    bag = steady(start=start)
    assert resets([*bag, *bag, *bag]) == ([50, 100] if start else [51, 101])


def test_small_steps_back_are_of_one_stream():
    assert resets([10 * S, 10 * S - 400_000_000, 10 * S]) == []


def test_another_recording_days_later_is_followed():
    late = steady(start=1_700_000_000 * S + 3 * DAY)
    assert resets([*steady(), *late]) == []
    # And its own loop is noticed.
    assert resets([*steady(), *late, *late]) == [100]
    # One of earlier days too, once a second stamp agrees.
    assert resets([*late, *steady()]) == [51]
