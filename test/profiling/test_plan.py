from itertools import pairwise, permutations

import numpy as np
import pytest

from approx_perception.assembly.measuring import Scene, objects_of
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.profiling.plan import ProfilePlan, contention_levels, switching_tour
from approx_perception.structures import Detections
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
    short = plan.seconds(space, [10.0, 20.0], [2.0], 25.0)
    long = plan.seconds(space, [20.0, 40.0], [4.0], 50.0)
    assert set(short) == {"latency", "switching", "accuracy"}
    assert all(long[stage] > short[stage] for stage in short)
    # 100 frames: 25 ms of detection at both settings, which share 5 ms, 1.5 ms of tracking for
    # each of them, 4 scorings.
    single_core_s = 100 * (0.025 + 2 * 0.0015 + 4 * 0.0006)
    assert short["accuracy"] <= single_core_s


def test_steps_that_branches_share_are_counted_once():
    trackers = [TrackerSettings("median_flow", 1)]
    alone = BranchSpace("one", [160], [], [1, 8], trackers)
    together = BranchSpace("all", [160], [], [1, 2, 4, 8], trackers)
    plan = ProfilePlan(contention_levels(False), frames=800)
    seconds = [plan.seconds(space, [0.0], [100.0], 0.0)["accuracy"] for space in (alone, together)]
    # In eight frames: 7 steps after the first, 3 after the fifth, 1 after the third and seventh.
    assert seconds[1] / seconds[0] == pytest.approx((7 + 3 + 2) / 7, rel=0.01)


def test_number_and_size_of_objects_vary_apart():
    boxes = [[100, 100, 140, 160], [300, 200, 320, 240]]
    images = [np.zeros((480, 640, 3), np.uint8)]
    scene = Scene(images, Detections.from_arrays(boxes, [0.9, 0.8], [0, 1]))
    for count in (1, 2, 20):
        for scale in (0.5, 1.0, 1.8):
            objects = objects_of(scene, count, scale)
            assert len(objects) == count
            sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
            np.testing.assert_allclose(sides[0], np.array([40, 60]) * scale, rtol=1e-5)
            assert (objects.boxes >= 0).all()
            assert (objects.boxes <= np.array([640, 480] * 2)).all()
    assert len(np.unique(objects_of(scene, 20, 1.0).boxes, axis=0)) == 20
