"""Times of one frame add up."""

import numpy as np

from approx_perception.clock import FakeClock
from approx_perception.kernels.stage_timer import StageTimer


def test_what_runs_twice_is_told_twice():
    clock = FakeClock()
    timer = StageTimer(clock, 1.0)
    for ms in (5.0, 7.0):
        with timer.part(0, "look"):
            clock.advance_ms(ms)
    with timer.part(1, "look"):
        clock.advance_ms(2.0)
    timings = timer.finish()
    assert timer.parts == ((0, 5.0), (0, 7.0), (1, 2.0))
    assert timings.stages == {"look": 14.0}
    assert timings.processing_ms == 15.0


def test_what_ran_in_no_time_takes_what_it_takes_elsewhere():
    timer = StageTimer(FakeClock(), 1.0)
    for part, stage in ((2, "look"), (0, "think"), (0, "think")):
        with timer.part(part, stage):
            pass
    timer.charge_all(np.array([3.0, 99.0, 5.0]))
    assert timer.parts == ((2, 5.0), (0, 3.0), (0, 3.0))
    assert timer.finish().stages == {"look": 5.0, "think": 6.0}
    assert timer.finish().processing_ms == 12.0
