from itertools import pairwise, permutations

import pytest

from approx_perception.profiling.plan import ProfilePlan, contention_levels, switching_tour
from approx_perception.testing.fakes import small_space


@pytest.mark.parametrize("count", [1, 2, 3, 7, 28])
def test_a_tour_visits_every_ordered_pair_once(count):
    pairs = list(pairwise(switching_tour(count)))
    assert len(pairs) == count * (count - 1)
    assert set(pairs) == set(permutations(range(count), 2))


def test_the_idle_machine_comes_first():
    assert str(contention_levels(False)[0]) == "no contention"
    assert any(level.memory_mb_s for level in contention_levels(False))


def test_time_grows_with_work():
    space = small_space()
    plan = ProfilePlan(contention_levels(False), frames=100)
    short = plan.seconds(space, [10.0, 20.0], [2.0])
    long = plan.seconds(space, [20.0, 40.0], [4.0])
    assert set(short) == {"latency", "switching", "accuracy"}
    assert all(long[stage] > short[stage] for stage in short)
    # 100 frames: 30 ms of detection, 1.5 ms of tracking for each of two settings, 4 scorings.
    single_core_s = 100 * (0.030 + 2 * 0.0015 + 4 * 0.0006)
    assert short["accuracy"] <= single_core_s
