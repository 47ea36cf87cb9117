import numpy as np
import pytest

from approx_perception.latency.contention_filter import ContentionFilter
from approx_perception.structures import LoadReading

#: Two parts; idle, 1.5 times, 3 times as slow. The second part suffers more.
SLOWDOWN = np.log([[1.0, 1.5, 3.0], [1.0, 2.0, 4.0]])
LOAD = np.array([[0.0, np.nan], [0.5, np.nan], [0.9, np.nan]])
SILENCE = LoadReading()


@pytest.fixture
def contention():
    return ContentionFilter(SLOWDOWN, np.full((2, 3), 0.1), LOAD)


def settle(contention, part=0, factor=1.0, frames=20, reading=SILENCE):
    for _ in range(frames):
        contention.observe(part, np.log(factor), reading)


def test_idle_at_first(contention):
    assert contention.weights(SILENCE).argmax() == 0
    assert contention.weights(SILENCE).sum() == pytest.approx(1.0)


def test_one_outlier_does_not_convince_two_frames_do(contention):
    settle(contention)
    contention.observe(0, np.log(6.0), SILENCE)
    assert contention.weights(SILENCE)[0] > 0.3
    settle(contention)
    for _ in range(2):
        contention.observe(0, np.log(3.0), SILENCE)
    assert contention.weights(SILENCE)[2] > 0.9


def test_one_part_tells_of_all_others(contention):
    settle(contention, part=1, factor=2.0)
    weights = contention.weights(SILENCE)
    assert np.exp(SLOWDOWN[0] @ weights) == pytest.approx(1.5, rel=0.02)


def test_a_load_reading_moves_belief_before_any_latency(contention):
    settle(contention)
    calm = contention.weights(LoadReading(cpu=0.0))[2]
    loud = contention.weights(LoadReading(cpu=0.9))[2]
    assert loud > 3 * calm


def test_a_reading_is_news_only_until_a_latency_was_seen_under_it(contention):
    loud = LoadReading(cpu=0.9)
    settle(contention, reading=loud)
    np.testing.assert_allclose(contention.weights(loud), contention.weights(SILENCE))
    nearly = LoadReading(cpu=0.8)
    np.testing.assert_allclose(contention.weights(nearly), contention.weights(SILENCE))
    assert contention.weights(LoadReading(cpu=0.0))[0] > contention.weights(SILENCE)[0]


def test_a_wrong_reading_cannot_overrule_latencies(contention):
    settle(contention, factor=3.0)
    assert contention.weights(LoadReading(cpu=0.0)).argmax() == 2


def test_readings_of_what_was_not_profiled_tell_nothing(contention):
    settle(contention)
    np.testing.assert_allclose(
        contention.weights(LoadReading(gpu=0.9)), contention.weights(SILENCE)
    )
    assert not contention.uses_load(LoadReading(gpu=0.9))
    assert contention.uses_load(LoadReading(cpu=0.9))
    assert not contention.uses_load(SILENCE)
