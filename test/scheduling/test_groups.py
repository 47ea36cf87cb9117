"""Groups of frames, as the scheduler counts and tells of them."""

import math

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.metrics.latency import group_means_ms
from approx_perception.scheduling import Fixed, MostAccurate, Scheduler
from approx_perception.structures import (
    SLA,
    Detections,
    FrameResult,
    GroupEnded,
    Observation,
    SlaScope,
    StageTimings,
)
from approx_perception.testing.fakes import FakeLatency

SPACE = BranchSpace("groups", [160], [], [2, 4], [TrackerSettings("median_flow", 2)])
TWO, FOUR = (Branch(160, None, si, "median_flow", 2) for si in (2, 4))
SLA_20 = SLA(20.0, 0.95, SlaScope.GOF)


class Play:
    """A scheduler, and what it tells of groups."""

    def __init__(self, policy):
        self.latency = FakeLatency([10.0, 10.0])
        accuracy = ConstantAccuracy(np.array([0.9, 0.8]))
        self.scheduler = Scheduler(SPACE, policy, self.latency, accuracy)
        self.told: list[GroupEnded] = []
        self.scheduler.groups.listeners.append(self.told.append)
        self.sla = SLA_20

    def decide(self):
        return self.scheduler.decide(Observation(self.sla, image_size=(640, 480)))

    def frames(self, *latencies_ms, others_ms=0.0, why_end=""):
        for ms in latencies_ms:
            self.scheduler.observe(
                FrameResult(
                    0, "", 0, Detections.empty(), self.decide(), self.sla,
                    StageTimings(processing_ms=ms + others_ms), others_ms=others_ms,
                    why_end=why_end,
                )
            )  # fmt: skip


def test_a_group_is_told_when_the_next_one_begins():
    play = Play(Fixed(TWO))
    play.frames(12.0, 3.0)
    assert play.told == []
    play.decide()
    assert play.told == [GroupEnded(TWO, SLA_20, (12.0, 3.0), planned_frames=2, why="")]
    assert play.told[0].mean_ms == 7.5
    # Predictors learn of it too.
    assert play.latency.groups == play.told


def test_what_a_batch_took_for_others_does_not_count():
    play = Play(Fixed(TWO))
    play.frames(12.0, 3.0, others_ms=5.0)
    assert play.scheduler.groups.processing_ms == [17.0, 8.0]
    play.decide()
    assert play.told[0].measured_ms == (12.0, 3.0)


def test_a_group_that_ended_early_says_why_and_counts_under_its_own_sla():
    play = Play(MostAccurate())
    play.frames(12.0)
    play.sla = SLA(40.0, 0.95, SlaScope.GOF)
    play.frames(13.0, why_end="most objects were lost")
    play.decide()
    assert play.told == [
        GroupEnded(TWO, SLA_20, (12.0,), 2, "the SLA changed"),
        GroupEnded(TWO, play.sla, (13.0,), 2, "most objects were lost"),
    ]


def test_a_stretched_group_has_more_frames_than_planned():
    play = Play(MostAccurate())
    # 60 and 5 ms are 32.5 ms a frame; 60 and three times 5 are 18.75.
    play.frames(60.0, 5.0, 5.0, 5.0, 5.0)
    assert play.told == [GroupEnded(TWO, SLA_20, (60.0, 5.0, 5.0, 5.0), 2, "")]


def test_a_frame_that_failed_ends_its_group_and_is_not_measured():
    play = Play(Fixed(FOUR))
    play.frames(12.0, 3.0)
    play.decide()
    play.scheduler.fail(None, RuntimeError("out of memory"))
    # The first frame of the next one fails: of that group there is nothing to tell.
    assert play.decide().starts_group
    play.scheduler.fail(0, RuntimeError("out of memory"))
    assert play.decide().starts_group
    assert play.told == [GroupEnded(FOUR, SLA_20, (12.0, 3.0), 4, "")]


@pytest.mark.parametrize("odd_ms", [math.nan, math.inf, 0.0, -1.0])
def test_latencies_of_a_clock_that_fails_are_not_measured(odd_ms):
    play = Play(Fixed(TWO))
    play.frames(12.0, odd_ms)
    play.decide()
    assert play.told[0].measured_ms == (12.0,)


def test_what_is_told_is_what_a_record_counts():
    """A record has a row for each frame and whether it begins a group; see `group_means_ms`."""
    rng, play = np.random.default_rng(0), Play(MostAccurate())
    own_ms, starts = [], []
    for _ in range(300):
        decision = play.decide()
        if rng.random() < 0.1:
            play.scheduler.fail(None, RuntimeError("out of memory"))
            continue
        own_ms.append(float(rng.uniform(1, 60)))
        starts.append(decision.starts_group)
        timings = StageTimings(processing_ms=own_ms[-1])
        why_end = "lost" if rng.random() < 0.1 else ""
        play.scheduler.observe(
            FrameResult(0, "", 0, Detections.empty(), decision, SLA_20, timings, why_end=why_end)
        )
    means_ms = group_means_ms(np.array(own_ms), np.array(starts))[starts]
    np.testing.assert_allclose([group.mean_ms for group in play.told], means_ms[: len(play.told)])
    assert len(play.told) in (len(means_ms), len(means_ms) - 1)
    assert {len(group.measured_ms) - group.planned_frames for group in play.told} >= {-1, 0, 1}
