"""Worked by hand: what a delay is worth."""

import numpy as np
import pytest

from approx_perception.accuracy.ageing import aged
from approx_perception.branches import BranchSpace, TrackerSettings

SPACE = BranchSpace("s", [160], [], [1, 2, 4, 8], [TrackerSettings("kcf")])
ACCURACY = np.array([0.9, 0.8, 0.7, 0.5])


@pytest.mark.parametrize(
    ("delay", "si", "expected"),
    [
        # Back at the next frame: m = si + 2.
        (0.2, 2, 0.7),
        (1.0, 2, 0.7),
        # m = 4 + 2 = 6, between 4 and 8.
        (0.5, 4, 0.6),
        # d = 3, n = max(2, 3): m = 9, a little beyond 8.
        (2.1, 2, 0.45),
        # The same whatever si, as long as the delay is longer: nothing is taken in more often.
        (4.0, 2, 0.3),
        (4.0, 4, 0.3),
        # m = 8 + 2 = 10.
        (1.0, 8, 0.4),
    ],
)
def test_worth_that_of_the_branch_of_the_same_mean_age(delay, si, expected):
    compiled = SPACE.beside.compiled
    result = aged(ACCURACY, np.full(4, delay), compiled)
    assert result[SPACE.sampling_intervals.index(si)] == pytest.approx(expected)
    assert ACCURACY.tolist() == [0.9, 0.8, 0.7, 0.5]


def test_each_tracker_by_its_own_values_and_ranks_likewise():
    space = BranchSpace("t", [160], [], [2, 4], [TrackerSettings("kcf"), TrackerSettings("mosse")])
    # si 2 kcf, si 2 mosse, si 4 kcf, si 4 mosse.
    result = aged(np.array([-10.0, -20.0, -11.0, -25.0]), np.ones(4), space.beside.compiled)
    assert result[:2] == pytest.approx([-11.0, -25.0])
    assert result[2] == pytest.approx(-12)


def test_of_one_interval_nothing_is_known():
    space = BranchSpace("o", [160], [], [4], [TrackerSettings("kcf")])
    assert aged(np.array([0.6]), np.array([3.0]), space.beside.compiled).tolist() == [0.6]
