import math

import numpy as np
import pytest

from approx_perception.branches import Branch
from approx_perception.scheduling import constants
from approx_perception.scheduling.lateness_price import LatenessPrice
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    FrameResult,
    GroupEnded,
    SlaScope,
    StageTimings,
)

FRAME, GOF = SLA(50.0, 0.95), SLA(50.0, 0.95, SlaScope.GOF)


def begun(sla=FRAME):
    price = LatenessPrice()
    price.serve(sla)
    return price


def see(price, ms, sla=FRAME):
    decision = Decision(Branch(160), "detect", True, False, ms, ms, 0.5, "")
    timings = StageTimings(processing_ms=ms)
    price.observe(FrameResult(0, "", 0, Detections.empty(), decision, sla, timings))


def test_a_late_frame_makes_it_dearer_and_frames_in_time_cheaper():
    price = begun()
    first = price.ap50
    see(price, 60.0)
    after_one = price.ap50
    assert after_one > 1.1 * first
    for _ in range(40):
        see(price, 10.0)
    assert price.ap50 < first


def test_it_has_limits():
    price = begun()
    for _ in range(2000):
        see(price, 10.0)
    least = price.ap50
    assert least > 0
    for _ in range(2000):
        see(price, 60.0)
    assert math.isfinite(price.ap50)
    assert price.ap50 > 10 * least


def test_another_sla_starts_anew():
    price = begun()
    first = price.ap50
    for _ in range(100):
        see(price, 10.0)
    price.serve(SLA(20.0))
    assert price.ap50 == first
    # A frame that was under way meanwhile says nothing of the new one.
    see(price, 60.0)
    assert price.ap50 == first
    see(price, 60.0, SLA(20.0))
    assert price.ap50 > first


def test_groups_count_as_their_mean():
    price = begun(GOF)
    first = price.ap50
    # 90 and 5 ms are 47.5 ms a frame, in time.
    for ms in (90.0, 5.0):
        see(price, ms, GOF)
    assert price.ap50 == first
    price.group_ended(GroupEnded(Branch(160), GOF, (90.0, 5.0), 2))
    assert price.ap50 < first
    price.group_ended(GroupEnded(Branch(160), GOF, (90.0, 15.0), 2))
    assert price.ap50 > first


@pytest.mark.parametrize("often", [0.0, 0.02, 0.2, 1.0])
def test_gambles_are_inside_what_the_sla_allows_of_the_last_frames(often):
    """The worst adversary gambles whenever it may; some frames are late whatever is done."""
    rng, price, lates, gambled = np.random.default_rng(0), begun(), [], []
    for _ in range(3000):
        gambles = price.has_room
        lates.append(gambles or rng.random() < often)
        gambled.append(gambles)
        see(price, 60.0 if lates[-1] else 10.0)
    for end in range(1, 3001):
        if gambled[end - 1]:
            recent = lates[max(end - 1 - constants.MEMORY, 0) : end - 1]
            assert sum(recent) <= 0.85 * 0.05 * len(recent) + 1
    # All that is allowed is used, unless it goes without a gamble.
    assert sum(lates) / 3000 == pytest.approx(max(0.85 * 0.05, often), abs=0.01)
