"""Times of one frame add up."""

from approx_perception.clock import FakeClock
from approx_perception.kernels.stage_timer import StageTimer


def test_what_runs_twice_takes_both_times():
    clock = FakeClock()
    timer = StageTimer(clock, 1.0)
    for ms in (5.0, 7.0):
        with timer.part(0, "look"):
            clock.advance_ms(ms)
    with timer.part(1, "look"):
        clock.advance_ms(2.0)
    timings = timer.finish()
    assert timer.parts == ((0, 12.0), (1, 2.0))
    assert timings.stages == {"look": 14.0}
    assert timings.processing_ms == 15.0
