import pytest

from approx_perception.branches import Branch
from approx_perception.scheduling.allowance import Allowance
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    FrameResult,
    SlaScope,
    StageTimings,
)

FRAME, GOF = SLA(50.0, 0.95), SLA(50.0, 0.95, SlaScope.GOF)


def see(allowance, ms, sla=FRAME, run_detector=True):
    decision = Decision(Branch(160), run_detector, False, ms, ms, 0.5, "")
    timings = StageTimings(processing_ms=ms)
    allowance.observe(FrameResult(0, "", 0, Detections.empty(), decision, sla, timings))


def test_nothing_is_granted_at_first():
    assert Allowance().stretch(FRAME) == 1.0


def test_frames_in_time_earn_a_little_up_to_a_limit():
    allowance = Allowance()
    for _ in range(20):
        see(allowance, 10.0)
    assert 1.0 < allowance.stretch(FRAME) < 1.1
    for _ in range(500):
        see(allowance, 10.0)
    assert allowance.stretch(FRAME) == pytest.approx(1.25)


def test_late_frames_take_it_back_at_once_but_never_more():
    allowance = Allowance()
    for _ in range(500):
        see(allowance, 10.0)
    for _ in range(3):
        see(allowance, 60.0)
    assert allowance.stretch(FRAME) == 1.0
    for _ in range(100):
        see(allowance, 60.0)
    for _ in range(20):
        see(allowance, 10.0)
    assert allowance.stretch(FRAME) > 1.0


def test_a_new_sla_starts_anew():
    allowance = Allowance()
    for _ in range(100):
        see(allowance, 10.0)
    assert allowance.stretch(SLA(20.0)) == 1.0
    see(allowance, 10.0, SLA(20.0))
    assert allowance.stretch(FRAME) == 1.0


def test_groups_count_as_their_mean():
    allowance = Allowance()
    for _ in range(60):
        see(allowance, 90.0, GOF)
        see(allowance, 5.0, GOF, run_detector=False)
    # A detection of 90 ms and a step of 5 ms: 47.5 ms, in time.
    assert allowance.stretch(GOF) > 1.05


def test_share_of_late_frames_approaches_what_is_aimed_at():
    allowance, late = Allowance(), 0
    for step in range(4000):
        # Whoever is granted more takes more: late one time in ten beyond 10 % of stretch.
        is_late = allowance.stretch(FRAME) > 1.1 and step % 10 == 0
        late += is_late
        see(allowance, 60.0 if is_late else 10.0)
    assert late / 4000 == pytest.approx(0.03, abs=0.005)
