import math

import numpy as np
import pytest

from approx_perception.evaluation.intervals import ap50_intervals, quantile_interval
from test.evaluation.records import Row, found, record, truth

BOX, AWAY = [0, 0, 10, 10], [90, 90, 99, 99]


def run(hit_share, count=640, seed=0):
    hits = np.random.default_rng(seed).random(count) < hit_share
    return [record([Row(found([BOX if hit else AWAY], [0.5]), truth([BOX])) for hit in hits])]


def test_an_interval_holds_its_value_and_narrows_with_frames():
    (few,), _ = ap50_intervals([run(0.7, 64)])
    (many,), _ = ap50_intervals([run(0.7, 3200)])
    for interval in (few, many):
        assert interval.low <= interval.value <= interval.high
    assert many.high - many.low < few.high - few.low


def test_a_clear_lead_is_certain_and_none_is_not():
    _, (zero, better, same) = ap50_intervals([run(0.5), run(0.9), run(0.5, seed=1)])
    assert (zero.low, zero.value, zero.high) == (0, 0, 0)
    assert better.low > 0
    assert same.low < 0 < same.high


def test_nothing_is_nan():
    (value,), (lead,) = ap50_intervals([[record([])]])
    assert math.isnan(value.value)
    assert math.isnan(lead.low)
    assert math.isnan(quantile_interval(np.zeros(0), 0.95).value)


@pytest.mark.parametrize("count", [1, 2])
def test_one_and_two_values(count):
    interval = quantile_interval(np.full(count, 7.0), 0.95)
    assert (interval.low, interval.value, interval.high) == (7.0, 7.0, 7.0)
