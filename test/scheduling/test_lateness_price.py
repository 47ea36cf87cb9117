import math

import pytest

from approx_perception.branches import Branch
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


def test_share_of_late_frames_approaches_what_is_aimed_at():
    price, late, credit = begun(), 0, 0.0
    for _ in range(4000):
        # Whoever pays less is late more often.
        credit += 0.2 / (1 + price.ap50)
        is_late = credit >= 1
        credit -= is_late
        late += is_late
        see(price, 60.0 if is_late else 10.0)
    assert late / 4000 == pytest.approx(0.85 * 0.05, abs=0.005)


def test_late_frames_in_any_window_are_bounded():
    # The worst adversary is late whenever that does not bring the price to its limit.
    price, lates = begun(), []
    for _ in range(1000):
        is_late = price.ap50 < 14.9
        lates.append(is_late)
        see(price, 60.0 if is_late else 10.0)
    for window in (50, 200, 1000):
        worst = max(sum(lates[i : i + window]) for i in range(1000 - window + 1))
        assert worst <= 0.85 * 0.05 * window + math.log(20 / 0.1) / 0.15 + 2
