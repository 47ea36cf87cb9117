"""The whole decision system as events in, decisions out, on a fake clock.

Latencies are exact multiples of a small model's, so that every decision can be foretold:
detections of 10 and 30 ms; the tracker 1 ms + 0.5 ms an object to start, 1 ms + 1 ms to step.
"""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.clock import FakeClock
from approx_perception.load.load_inputs import LoadInputs
from approx_perception.scheduling import Candidates, Fixed, MostAccurate, Scheduler, constants
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Detections,
    FrameResult,
    GroupEnded,
    Observation,
    SlaScope,
    StageTimings,
)
from approx_perception.testing.fakes import FakeLatency, small_space
from approx_perception.testing.models import small_accuracy_model, small_latency

SPACE = small_space()
SMALL, SMALL_TRACKED, LARGE, LARGE_TRACKED = range(4)
DETECTION_MS = {160: 10.0, 320: 30.0}
PERIOD_MS = 33.0


class Play:
    """A camera, a machine and a load topic under one clock."""

    def __init__(self, sla, objects=2):
        self.clock = FakeClock()
        self.load = LoadInputs(self.clock, max_age_s=2.0)
        self.scheduler = Scheduler(
            SPACE, MostAccurate(), small_latency(SPACE),
            small_accuracy_model(),
        )  # fmt: skip
        self.sla, self.objects, self.slowdown = sla, objects, 1.0
        self.speed, self.size, self.is_known = 0.0, (640, 480), True
        self.cpu, self.why_end = None, ""
        self.decisions = []

    def frame(self):
        if self.cpu is not None:
            self.load.update("/load", cpu=self.cpu)
        content = ContentFeatures(
            object_count=self.objects, confident_count=self.objects, small_size=0.15,
            relative_speed=self.speed, is_known=self.is_known,
        )  # fmt: skip
        observation = Observation(self.sla, content, "camera", self.size, self.load.reading())
        decision = self.scheduler.decide(observation)
        n = self.objects
        compiled, index = SPACE.compiled, SPACE.index(decision.branch)
        parts = compiled.parts_of(index, compiled.kinds.index(decision.kind))
        took_ms = (
            (DETECTION_MS[decision.branch.shape], 1 + 0.5 * n if n else 0.0)
            if decision.starts_group
            else (1.0 + n if n else 0.0,)
        )
        took = [(part, self.slowdown * ms) for part, ms in zip(parts, took_ms, strict=False)]
        total = sum(ms for _, ms in took)
        found = Detections.from_arrays(np.zeros((n, 4)), np.ones(n), np.zeros(n))
        self.scheduler.observe(FrameResult(
            0, "camera", 0, found, decision, self.sla, StageTimings(processing_ms=total),
            parts=tuple(took), content=ContentFeatures.of_objects(found), why_end=self.why_end,
        ))  # fmt: skip
        self.clock.advance_ms(max(total, PERIOD_MS))
        self.decisions.append(decision)
        return decision

    def frames(self, count):
        return [SPACE.index(self.frame().branch) for _ in range(count)]


def test_change_of_sla_takes_effect_at_the_next_frame():
    play = Play(SLA(50.0))
    assert play.frames(40)[-1] == LARGE
    play.sla = SLA(15.0)
    assert play.frames(1) == [SMALL]
    assert play.decisions[-1].switched
    assert play.decisions[-1].reason.startswith("the SLA changed: most accurate of 2 branches")
    play.sla = SLA(50.0)
    assert play.frames(1) == [LARGE]


def test_contention_step_without_load_topics():
    play = Play(SLA(50.0))
    play.frames(40)
    play.slowdown = 2.0
    # 60 ms a detection at shape 320: two late frames at most, then one that fits.
    assert play.frames(8)[3:] == [SMALL] * 5
    play.slowdown = 1.0
    assert LARGE in play.frames(12)
    assert play.decisions[-1].contention.slowdown == pytest.approx(1.0, abs=0.1)


def test_contention_step_with_a_load_topic_that_speaks_first():
    play = Play(SLA(50.0))
    play.cpu = 0.0
    assert play.frames(40)[-1] == LARGE
    play.cpu, play.slowdown = 1.0, 4.0
    first = play.frame()
    # Believed before a single slow frame: the reading alone is no proof, only a hint.
    assert first.expected_ms > 1.005 * play.decisions[-2].expected_ms
    assert play.frames(6)[-1] == SMALL
    assert play.decisions[-1].contention.source == "latency and load topics"


def test_object_rush_makes_tracking_dear():
    play = Play(SLA(20.0, 0.95, SlaScope.GOF))
    assert play.frames(40)[-1] == LARGE_TRACKED
    play.objects = 25
    # A group of shape 320 takes (30 + 13.5 + 3 * 26) / 4 = 30 ms now; shape 160 alone 10 ms.
    assert play.frames(5)[-1] == SMALL


def test_fast_objects_make_tracking_worthless():
    play = Play(SLA(20.0, 0.95, SlaScope.GOF))
    assert play.frames(40)[-1] == LARGE_TRACKED
    play.speed = 1.0
    assert play.frames(5)[-1] == SMALL


def test_empty_scene_costs_no_tracking():
    play = Play(SLA(9.5, 0.95, SlaScope.GOF), objects=25)
    assert play.frames(20)[-1] == SMALL
    play.objects = 0
    # Of a group of shape 320 remains 30 / 4 = 7.5 ms.
    assert play.frames(8)[-1] == LARGE_TRACKED


def test_a_load_topic_that_falls_silent_is_done_without():
    play = Play(SLA(50.0))
    play.cpu = 0.0
    play.frames(20)
    assert play.decisions[-1].contention.source == "latency and load topics"
    play.cpu = None
    chosen = play.frames(80)
    assert set(chosen) == {LARGE}
    assert play.decisions[-1].contention.source == "latency"
    play.slowdown = 2.0
    assert play.frames(8)[-1] != LARGE


def test_resolution_change_starts_a_group():
    play = Play(SLA(20.0, 0.95, SlaScope.GOF))
    play.frames(40)
    while play.frame().starts_group:
        pass
    play.size = (320, 240)
    decision = play.frame()
    assert decision.starts_group
    assert decision.reason.startswith("another stream or image size")


def test_a_new_scene_is_looked_at_before_anything_is_tracked():
    play = Play(SLA(20.0, 0.95, SlaScope.GOF))
    assert play.frames(40)[-1] == LARGE_TRACKED
    play.size, play.is_known = (320, 240), False
    assert play.frames(1) == [SMALL]
    assert play.decisions[-1].reason.startswith(
        "another stream or image size: a look at a new scene: most accurate of "
    )
    play.is_known = True
    assert play.frames(1) == [LARGE_TRACKED]


def test_where_all_allowed_branches_track_a_new_scene_is_tracked_too():
    play = Play(SLA(20.0, 0.95, SlaScope.GOF))
    play.is_known = False
    play.scheduler.allowed = SPACE.compiled.group_frames > 1
    assert play.frames(1) == [LARGE_TRACKED]
    assert "new scene" not in play.decisions[-1].reason


@pytest.mark.parametrize("jump_ms", [3_600_000.0, 0.0])
def test_time_may_jump_or_stand_still(jump_ms):
    play = Play(SLA(50.0))
    play.cpu = 0.0
    before = play.frames(20)[-1]
    play.cpu = None
    play.clock.advance_ms(jump_ms)
    assert play.frames(5)[-1] == before


def test_no_branch_fits():
    play = Play(SLA(2.0))
    assert play.frames(3) == [SMALL] * 3
    decision = play.decisions[-1]
    assert "no branch fits 2.0 ms; the fastest takes" in decision.reason
    assert decision.expected_quantile_ms > 2.0


def test_where_nothing_fits_late_frames_end_no_group():
    play = Play(SLA(2.0), objects=2)
    play.scheduler.allowed = SPACE.compiled.group_frames > 1
    play.frames(40)
    assert "no branch fits" in play.decisions[-1].reason
    detected = [decision.starts_group for decision in play.decisions[-8:]]
    assert sum(detected) == 2


def test_what_a_kernel_sees_in_its_output_ends_a_group():
    play = Play(SLA(20.0, 0.95, SlaScope.GOF), objects=8)
    play.frames(40)
    while not play.frame().starts_group:
        pass
    play.why_end = "5 of 8 objects were lost at once"
    assert not play.frame().starts_group
    play.why_end = ""
    decision = play.frame()
    assert decision.starts_group
    assert decision.reason.startswith("5 of 8 objects were lost at once: ")
    assert not play.frame().starts_group


def test_a_step_of_the_load_alone_ends_no_group():
    """What comes of it does: the next decision."""
    play = Play(SLA(20.0, 0.95, SlaScope.GOF))
    play.cpu = 0.1
    play.frames(40)
    while not play.frame().starts_group:
        pass
    play.cpu = 0.8
    assert not play.frame().starts_group


class TestHysteresis:
    """Noise around a boundary."""

    ACCURACY = np.array([0.5, 0.4, 0.8, 0.7])

    def machine(self, accuracy=ACCURACY):
        latency = FakeLatency([10.0, 5.0, 30.0, 12.0])
        return latency, Scheduler(SPACE, MostAccurate(), latency, ConstantAccuracy(accuracy))

    def choices(self, scheduler, latency, values, sla_ms):
        chosen = []
        for value in values:
            latency.quantile_ms = np.array([10.0, 5.0, value, 12.0])
            scheduler.abort_group()
            chosen.append(SPACE.index(scheduler.decide(Observation(SLA(sla_ms))).branch))
        return chosen

    def test_latency_around_the_budget_does_not_flap(self):
        latency, scheduler = self.machine()
        # A little over the budget means a few more late frames, not another branch; far over does.
        latency.steepness = 3.0
        chosen = self.choices(scheduler, latency, [29.5, 30.5, 29.5, 29.9, 30.5, 29.3, 45], 30.0)
        assert chosen == [LARGE] * 6 + [LARGE_TRACKED]
        assert scheduler._choice.decision.switched

    def test_late_frames_are_spent_where_they_gain_most(self):
        latency, scheduler = self.machine()
        # 8 % late where 5 % are allowed: worth it for 0.1 AP50, not for 0.01.
        latency.steepness, slightly_late = 3.0, 30.0 * (1 + 0.157 / 3)
        assert self.choices(scheduler, latency, [slightly_late], 30.0) == [LARGE]
        assert scheduler._choice.decision.reason == (
            "most accurate for the 8% of frames expected over 30.0 ms: few were late before"
        )
        latency, scheduler = self.machine(np.array([0.5, 0.4, 0.71, 0.7]))
        latency.steepness = 3.0
        assert self.choices(scheduler, latency, [slightly_late], 30.0) == [LARGE_TRACKED]

    def test_a_branch_that_is_hardly_better_is_not_worth_a_switch(self):
        accuracy = np.array([0.5, 0.4, 0.7005, 0.7])
        latency, scheduler = self.machine(accuracy)
        assert self.choices(scheduler, latency, [40.0, 20.0], 30.0) == [LARGE_TRACKED] * 2
        assert scheduler._choice.decision.reason.startswith("kept: ")


class TestDoubt:
    """What scenes left out taught of the predictions."""

    def choice(self, errors):
        latency = FakeLatency([10.0, 5.0, 12.0, 30.0])
        accuracy = ConstantAccuracy(np.array([0.7, 0.4, 0.72, 0.9]))
        accuracy.errors = np.array(errors)
        scheduler = Scheduler(SPACE, MostAccurate(), latency, accuracy)
        return SPACE.index(scheduler.decide(Observation(SLA(20.0))).branch)

    def test_a_dearer_branch_is_taken_for_a_gain_that_is_likely(self):
        # The two differed from what was predicted alike.
        assert self.choice([[0.1, 0, 0.1, 0], [-0.2, 0, -0.2, 0]]) == LARGE

    def test_and_not_for_one_that_is_merely_expected(self):
        assert self.choice([[0.1, 0, -0.1, 0], [-0.2, 0, 0.0, 0]]) == SMALL


def test_after_many_frames_in_time_a_dearer_branch_is_tried_once():
    latency = FakeLatency([10.0, 5.0, 30.0, 35.0])
    accuracy = ConstantAccuracy(np.array([0.5, 0.4, 0.8, 0.9]))
    scheduler, tried = Scheduler(SPACE, MostAccurate(), latency, accuracy), []
    for frame in range(2 * constants.EXPLORE + 20):
        decision = scheduler.decide(Observation(SLA(20.0)))
        if SPACE.index(decision.branch) != SMALL:
            tried.append(frame)
            assert SPACE.index(decision.branch) == LARGE
            assert decision.reason.startswith("a try: ")
        timings = StageTimings(processing_ms=10.0)
        scheduler.observe(
            FrameResult(0, "camera", frame, Detections.empty(), decision, SLA(20.0), timings)
        )
    assert tried == [constants.EXPLORE, 2 * constants.EXPLORE]


def late_group(sla_ms, policy=None, allowed=None):
    """A group of two that takes far longer than foreseen, and what follows it."""
    space = BranchSpace("stretch", [160], [5], [2, 4, 8], [TrackerSettings("median_flow", 2)])
    scheduler = Scheduler(
        space, policy or MostAccurate(), FakeLatency([sla_ms / 2] * 3),
        ConstantAccuracy(np.array([0.9, 0.8, 0.7])),
    )  # fmt: skip
    scheduler.allowed = allowed
    sla = SLA(sla_ms, 0.95, SlaScope.GOF)
    detected, reasons = [], []
    for frame in range(9):
        decision = scheduler.decide(Observation(sla, ContentFeatures(), "camera", (640, 480)))
        detected.append(decision.starts_group)
        reasons.append(decision.reason)
        timings = StageTimings(processing_ms=50.0 if frame == 0 else 5.0)
        found = Detections.from_arrays(np.zeros((2, 4)), np.ones(2), np.zeros(2))
        scheduler.observe(FrameResult(0, "camera", frame, found, decision, sla, timings))
    return detected, reasons


def test_a_late_group_tracks_on_until_its_mean_is_inside():
    # 50 + 3 * 5 ms in four frames are 16.25 ms a frame; in three they are 20.
    detected, reasons = late_group(17.0)
    assert detected[:6] == [True, False, False, False, True, False]
    assert reasons[2].startswith("going on: the group is over the SLA")


def test_a_group_that_cannot_be_saved_is_not_stretched():
    # Even in eight frames it would be 50 + 7 * 5 = 85, 10.6 ms a frame.
    detected, _ = late_group(10.0)
    assert detected[:4] == [True, False, True, False]


def test_groups_are_stretched_only_as_far_as_is_allowed():
    # In four frames it would be inside, but the user wants a detection in every second.
    detected, _ = late_group(17.0, allowed=np.array([True, False, False]))
    assert detected[:4] == [True, False, True, False]


def test_other_policies_leave_late_groups_as_they_are():
    detected, _ = late_group(17.0, Fixed(Branch(160, 5, 2, "median_flow", 2)))
    assert detected[:4] == [True, False, True, False]


def test_lateness_of_a_group_costs_what_tracking_on_loses():
    """The price counts only for groups that are late even at the longest si."""
    space = BranchSpace("stretch", [160, 320], [5], [2, 4], [TrackerSettings("median_flow", 2)])
    observation = Observation(SLA(20.0, 0.95, SlaScope.GOF))

    def choose(late_share, accuracy, allowed=(True,) * 4):
        candidates = Candidates(
            space, np.full(4, 15.0), np.full(4, 25.0), np.array(late_share),
            np.array(accuracy), None, observation, np.array(allowed),
        )  # fmt: skip
        policy = MostAccurate()
        policy.select(candidates)
        for _ in range(12):
            policy.group_ended(GroupEnded(space[0], observation.sla, (30.0, 30.0), 2))
        return policy.select(candidates).index

    # Shape 160 with si 2 and 4, then shape 320. 0.9 less half of the 0.1 that si = 4 loses.
    assert choose([0.2, 0.0, 1.0, 1.0], [0.9, 0.8, 0.9, 0.9]) == 0
    # Of 320, what is late is late at si = 4 too, and that costs five times its share.
    assert choose([0.0, 0.0, 0.2, 0.1], [0.6, 0.5, 0.9, 0.9]) == 0
    assert choose([0.0, 0.0, 0.2, 0.0], [0.6, 0.5, 0.9, 0.9]) == 2
    # With si = 4 forbidden nothing saves a late group.
    assert choose([0.0, 0.0, 0.2, 0.0], [0.6, 0.5, 0.9, 0.9], (True, False, True, False)) == 0
