import numpy as np
import pytest

from approx_perception.latency.contention_filter import ContentionFilter
from approx_perception.structures import LoadReading

#: Two parts; idle, 1.5 times, 3 times as slow. The second part suffers more.
SLOWDOWN = np.log([[1.0, 1.5, 3.0], [1.0, 2.0, 4.0]])
LOAD = np.array([[0.0, np.nan], [0.5, np.nan], [0.9, np.nan]])


@pytest.fixture
def contention():
    return ContentionFilter(SLOWDOWN, np.full((2, 3), 0.1), LOAD)


def settle(contention, part=0, factor=1.0, frames=20):
    for _ in range(frames):
        contention.observe(part, np.log(factor))


def test_idle_at_first(contention):
    assert contention.weights.argmax() == 0
    assert contention.weights.sum() == pytest.approx(1.0)


def test_one_outlier_does_not_convince_two_frames_do(contention):
    settle(contention)
    contention.observe(0, np.log(6.0))
    assert contention.weights[0] > 0.3
    settle(contention)
    for _ in range(2):
        contention.observe(0, np.log(3.0))
    assert contention.weights[2] > 0.9


def test_one_part_tells_of_all_others(contention):
    settle(contention, part=1, factor=2.0)
    weights = contention.weights
    assert np.exp(SLOWDOWN[0] @ weights) == pytest.approx(1.5, rel=0.02)


def test_a_load_reading_moves_belief_before_any_latency(contention):
    settle(contention)
    calm = contention.weights[2]
    contention.hear(LoadReading(cpu=0.9))
    assert contention.weights[2] > 1.5 * calm


def test_a_reading_counts_once(contention):
    loud = LoadReading(cpu=0.9)
    settle(contention)
    contention.hear(loud)
    heard = contention.weights
    contention.hear(loud)
    np.testing.assert_array_equal(contention.weights, heard)
    contention.hear(LoadReading(cpu=0.0))
    assert contention.weights[0] > heard[0]


def test_a_wrong_reading_cannot_overrule_latencies(contention):
    settle(contention, factor=3.0)
    for jitter in range(20):
        contention.hear(LoadReading(cpu=0.001 * jitter))
        contention.observe(0, np.log(3.0))
    assert contention.weights.argmax() == 2


def test_readings_of_what_was_not_profiled_tell_nothing(contention):
    settle(contention)
    before = contention.weights
    contention.hear(LoadReading(gpu=0.9))
    np.testing.assert_allclose(contention.weights, before)
    assert not contention.uses_load(LoadReading(gpu=0.9))
    assert contention.uses_load(LoadReading(cpu=0.9))
    assert not contention.uses_load(LoadReading())
