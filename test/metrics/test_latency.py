import math

import numpy as np
import pytest

from approx_perception.metrics.latency import group_means_ms, summarize_latency, violation_share
from approx_perception.structures import SlaScope

LATENCY = np.array([40.0, 4.0, 4.0, 4.0, 60.0, 4.0])
STARTS = np.array([True, False, False, False, True, False])


@pytest.mark.parametrize(("values", "expected"), [([], math.nan), ([3.0], 3.0), ([1.0, 3.0], 2.0)])
def test_summary_of_few(values, expected):
    summary = summarize_latency(values)
    assert summary.count == len(values)
    assert summary.p50_ms == pytest.approx(expected, nan_ok=True)


def test_group_means_by_hand():
    np.testing.assert_allclose(group_means_ms(LATENCY, STARTS), [13, 13, 13, 13, 32, 32])
    assert len(group_means_ms(np.zeros(0), np.zeros(0, bool))) == 0


def test_a_recording_may_begin_inside_a_group():
    starts = STARTS.copy()
    starts[0] = False
    np.testing.assert_allclose(group_means_ms(LATENCY, starts), [13, 13, 13, 13, 32, 32])


def test_violations_by_hand():
    sla = np.full(6, 20.0)
    assert violation_share(LATENCY, STARTS, sla, SlaScope.FRAME) == pytest.approx(2 / 6)
    assert violation_share(LATENCY, STARTS, sla, SlaScope.GOF) == pytest.approx(1 / 2)
    empty = np.zeros(0)
    assert math.isnan(violation_share(empty, empty.astype(bool), empty, SlaScope.FRAME))
