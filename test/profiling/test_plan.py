from itertools import pairwise, permutations

import pytest

from approx_perception.profiling.plan import ProfilePlan, contention_levels, switching_tour


@pytest.mark.parametrize("count", [1, 2, 3, 7, 28])
def test_a_tour_visits_every_ordered_pair_once(count):
    pairs = list(pairwise(switching_tour(count)))
    assert len(pairs) == count * (count - 1)
    assert set(pairs) == set(permutations(range(count), 2))


def test_the_idle_machine_comes_first():
    assert str(contention_levels(False)[0]) == "no contention"
    assert any(level.memory_mb_s for level in contention_levels(False))


def test_time_grows_with_work():
    plan = ProfilePlan(contention_levels(False), frames=100)
    short, long = plan.seconds(1.0, 2.0, 0.1), plan.seconds(2.0, 4.0, 0.2)
    assert set(short) == {"latency", "switching", "accuracy"}
    assert all(long[stage] > short[stage] for stage in short)
    assert short["accuracy"] == pytest.approx(100 * 0.1)
