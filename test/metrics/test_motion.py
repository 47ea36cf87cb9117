"""Slow, medium and fast objects, worked out by hand."""

import numpy as np
import pytest

from approx_perception.metrics.motion import motion_ious, only_motion
from test.metrics.records import truth


def moving(step, count=21):
    """A box of 100 px that moves ``step`` px to the right in each frame."""
    return [truth([[i * step, 0, i * step + 100, 100]], ids=[1]) for i in range(count)]


def iou(distance):
    return max(100 - distance, 0) / (100 + distance)


@pytest.mark.parametrize("step", [0.0, 1.0, 5.0])
def test_mean_over_ten_frames_before_and_after(step):
    own = motion_ious(moving(step))[10]
    expected = np.mean([iou(step * k) for k in range(1, 11)])
    assert own == pytest.approx([expected])


def test_at_the_ends_of_the_video_there_are_fewer_neighbours():
    own = motion_ious(moving(2.0, count=3))
    assert own[0] == pytest.approx([np.mean([iou(2), iou(4)])])
    assert own[1] == pytest.approx([iou(2)])


def test_frames_in_which_the_object_is_missing_are_left_out():
    frames = moving(2.0, count=3)
    frames[1] = truth([])
    assert motion_ious(frames)[0] == pytest.approx([iou(4)])


@pytest.mark.parametrize("count", [0, 1])
def test_what_is_seen_once_does_not_move(count):
    assert [own.tolist() for own in motion_ious(moving(50.0, count))] == [[1.0]] * count


def test_other_motion_is_ignored():
    objects = truth([[0, 0, 1, 1]] * 4, ignored=[False, False, False, True])
    ious = np.array([0.95, 0.8, 0.5, 0.95])
    wanted = {
        m: (~only_motion(objects, ious, m).ignored).tolist() for m in ("slow", "medium", "fast")
    }
    assert wanted == {
        "slow": [True, False, False, False],
        "medium": [False, True, False, False],
        "fast": [False, False, True, False],
    }


def test_limits_belong_to_medium():
    objects = truth([[0, 0, 1, 1]] * 2)
    assert (~only_motion(objects, np.array([0.9, 0.7]), "medium").ignored).all()
