"""Events in, decisions out."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.policy_factory import PolicyFactory
from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.exceptions import ConfigurationError
from approx_perception.interface.systems import POLICIES
from approx_perception.scheduling import Fastest, Fixed, MostAccurate, Scheduler
from approx_perception.structures import SLA, Observation
from approx_perception.testing.fakes import FakeLatency, small_space

SPACE = small_space()
# shape=160,si=1 | shape=160,si=4 | shape=320,si=1 | shape=320,si=4
LATENCY_MS = np.array([10.0, 5.0, 30.0, 12.0])
ACCURACY = np.array([0.5, 0.4, 0.8, 0.7])
LOOSE, MIDDLE, TIGHT, IMPOSSIBLE = SLA(40.0), SLA(20.0), SLA(6.0), SLA(1.0)


@pytest.fixture
def latency():
    return FakeLatency(LATENCY_MS)


@pytest.fixture
def scheduler(latency):
    return Scheduler(SPACE, MostAccurate(), latency, ConstantAccuracy(ACCURACY))


def decisions(scheduler, observations):
    return [
        (SPACE.index(d.branch), d.starts_group)
        for d in (scheduler.decide(observation) for observation in observations)
    ]


def test_most_accurate_branch_that_fits(scheduler):
    for sla, expected in ((LOOSE, 2), (MIDDLE, 3), (TIGHT, 1)):
        assert SPACE.index(scheduler.decide(Observation(sla)).branch) == expected


def test_a_group_is_one_detection_and_the_tracked_frames_after_it(scheduler):
    assert decisions(scheduler, [Observation(MIDDLE)] * 9) == [
        (3, True), (3, False), (3, False), (3, False),
        (3, True), (3, False), (3, False), (3, False),
        (3, True),
    ]  # fmt: skip


def test_change_of_sla_ends_the_group_at_once(scheduler):
    events = [Observation(MIDDLE)] * 2 + [Observation(LOOSE)] * 2 + [Observation(TIGHT)] * 2
    assert decisions(scheduler, events) == [
        (3, True), (3, False), (2, True), (2, True), (1, True), (1, False),
    ]  # fmt: skip


def test_a_slightly_better_branch_is_taken_for_another_sla_but_not_for_less_contention(latency):
    accuracy = ConstantAccuracy(np.array([0.5, 0.4, 0.71, 0.7]))
    scheduler = Scheduler(SPACE, MostAccurate(), latency, accuracy)
    latency.quantile_ms = 1.5 * LATENCY_MS
    assert decisions(scheduler, [Observation(LOOSE)]) == [(3, True)]
    latency.quantile_ms = LATENCY_MS
    scheduler.abort_group()
    assert decisions(scheduler, [Observation(LOOSE)]) == [(3, True)]
    assert decisions(scheduler, [Observation(SLA(45.0))]) == [(2, True)]


def test_new_stream_or_resolution_ends_the_group(scheduler):
    events = [
        Observation(MIDDLE, source_id="a", image_size=(640, 480)),
        Observation(MIDDLE, source_id="a", image_size=(640, 480)),
        Observation(MIDDLE, source_id="b", image_size=(640, 480)),
        Observation(MIDDLE, source_id="b", image_size=(320, 240)),
        Observation(MIDDLE, source_id="b", image_size=(320, 240)),
    ]
    assert decisions(scheduler, events) == [
        (3, True), (3, False), (3, True), (3, True), (3, False),
    ]  # fmt: skip


def test_change_of_policy_takes_effect_at_once(scheduler):
    assert decisions(scheduler, [Observation(MIDDLE)] * 2) == [(3, True), (3, False)]
    scheduler.policy = Fastest()
    assert decisions(scheduler, [Observation(MIDDLE)] * 2) == [(1, True), (1, False)]
    scheduler.policy = Fixed(Branch(160))
    assert decisions(scheduler, [Observation(MIDDLE)]) == [(0, True)]


def test_no_branch_fits_takes_the_fastest_and_says_so(scheduler):
    decision = scheduler.decide(Observation(IMPOSSIBLE))
    assert SPACE.index(decision.branch) == 1
    assert "no branch fits 1.0 ms; the fastest takes 5.0 ms" in decision.reason


@pytest.mark.parametrize("policy", [MostAccurate(), Fastest(), Fixed(Branch(320))])
def test_a_decision_says_whether_any_branch_fits_and_what_the_fastest_takes(scheduler, policy):
    scheduler.policy = policy
    for sla, fits, fastest_ms in ((LOOSE, True, 5.0), (TIGHT, True, 5.0), (IMPOSSIBLE, False, 5.0)):
        scheduler.abort_group()
        decision = scheduler.decide(Observation(sla))
        assert (decision.fits, decision.fastest_ms) == (fits, fastest_ms)
    scheduler.policy = MostAccurate()
    scheduler.allowed = np.array([False, False, True, False])
    decision = scheduler.decide(Observation(MIDDLE))
    assert (decision.fits, decision.fastest_ms) == (False, 30.0)


def test_latency_that_rises_is_noticed_at_the_next_group(scheduler, latency):
    assert decisions(scheduler, [Observation(LOOSE)]) == [(2, True)]
    latency.quantile_ms = LATENCY_MS * 2
    assert decisions(scheduler, [Observation(LOOSE)] * 2) == [(3, True), (3, False)]


def test_switches_are_reported_once(scheduler):
    events = [Observation(LOOSE), Observation(LOOSE), Observation(TIGHT), Observation(TIGHT)]
    assert [scheduler.decide(e).switched for e in events] == [False, False, True, False]


def test_a_failed_frame_starts_a_new_group(scheduler):
    assert decisions(scheduler, [Observation(MIDDLE)] * 2) == [(3, True), (3, False)]
    scheduler.abort_group()
    assert decisions(scheduler, [Observation(MIDDLE)] * 2) == [(3, True), (3, False)]


def test_decision_carries_what_is_expected(scheduler):
    decision = scheduler.decide(Observation(LOOSE))
    assert decision.expected_quantile_ms == 30.0
    assert decision.expected_ms == 24.0
    assert decision.expected_accuracy == 0.8
    assert decision.reason == "most accurate of 4 branches that fit 40.0 ms"


def test_ranks_are_not_reported_as_accuracy(latency):
    scheduler = Scheduler(SPACE, MostAccurate(), latency, ConstantAccuracy(ACCURACY - 100))
    decision = scheduler.decide(Observation(LOOSE))
    assert np.isnan(decision.expected_accuracy)
    assert "rule of thumb" in decision.reason


def test_equally_accurate_branches_the_faster_one(latency):
    scheduler = Scheduler(SPACE, MostAccurate(), latency, ConstantAccuracy(np.full(4, 0.5)))
    assert SPACE.index(scheduler.decide(Observation(LOOSE)).branch) == 1


def test_fixed_branch_must_be_in_the_space(latency):
    scheduler = Scheduler(SPACE, Fixed(Branch(64)), latency, ConstantAccuracy(ACCURACY))
    with pytest.raises(ConfigurationError, match="shape=64"):
        scheduler.decide(Observation(LOOSE))


def test_unknown_policy_names_the_known():
    with pytest.raises(
        ConfigurationError, match="no policy 'best' for detection; choose 'most_accurate'"
    ):
        PolicyFactory(SPACE, ACCURACY).create("best", Branch(160))


def test_only_allowed_branches_are_chosen(scheduler):
    scheduler.allowed = np.array([True, False, False, True])
    assert SPACE.index(scheduler.decide(Observation(LOOSE)).branch) == 3
    # None that is allowed fits: the fastest of these, not of all.
    assert SPACE.index(scheduler.decide(Observation(IMPOSSIBLE)).branch) == 0
    scheduler.allowed = None
    decision = scheduler.decide(Observation(LOOSE))
    assert SPACE.index(decision.branch) == 2
    assert decision.reason.startswith("the allowed branches changed")


@pytest.mark.parametrize("name", ["fastest", "adascale"])
def test_other_policies_heed_what_is_allowed(latency, name):
    factory = PolicyFactory(SPACE, ACCURACY)
    scheduler = Scheduler(
        SPACE, factory.create(name, SPACE[0]), latency, ConstantAccuracy(ACCURACY)
    )
    scheduler.allowed = np.array([True, False, False, False])
    assert SPACE.index(scheduler.decide(Observation(LOOSE)).branch) == 0


@pytest.mark.parametrize("name", sorted(set(POLICIES["detection"]) - {"approxdet"}))
def test_a_policy_that_could_choose_nothing_is_refused_when_it_is_set(name):
    factory = PolicyFactory(SPACE, ACCURACY)
    tracked = next(branch for branch in SPACE if branch.si > 1)
    factory.check(name, tracked, SPACE.compiled.group_frames == 1)
    if name != "adascale":
        factory.check(name, tracked, SPACE.compiled.group_frames > 1)
        return
    with pytest.raises(ConfigurationError, match="has no branch with si=1 that is allowed"):
        factory.check(name, tracked, SPACE.compiled.group_frames > 1)
    only_tracked = BranchSpace("tracked", [160], [], [4], [TrackerSettings("median_flow", 1)])
    with pytest.raises(ConfigurationError, match="'tracked' has no branch with si=1"):
        PolicyFactory(only_tracked, np.ones(len(only_tracked))).check(name, only_tracked[0])


BUSY = Observation(MIDDLE, can_begin=False)


def test_a_group_goes_on_while_what_begins_one_is_under_way(latency):
    scheduler = Scheduler(SPACE.beside, MostAccurate(), latency, ConstantAccuracy(ACCURACY))
    events = [Observation(MIDDLE), *[BUSY] * 7, Observation(MIDDLE), BUSY, Observation(MIDDLE)]
    begun = [scheduler.decide(each).starts_group for each in events]
    assert [number for number, begins in enumerate(begun) if begins] == [0, 8]


def test_what_should_end_a_group_ends_it_when_another_may_begin(latency):
    scheduler = Scheduler(SPACE.beside, MostAccurate(), latency, ConstantAccuracy(ACCURACY))
    events = [Observation(MIDDLE), Observation(TIGHT, can_begin=False), Observation(TIGHT)]
    made = [scheduler.decide(each) for each in events]
    assert [SPACE.index(each.branch) for each in made] == [3, 3, 1]
    assert made[2].reason.startswith("the SLA changed")


def test_only_branches_whose_frames_something_carries_run_beside(latency):
    scheduler = Scheduler(SPACE.beside, MostAccurate(), latency, ConstantAccuracy(ACCURACY))
    assert SPACE.index(scheduler.decide(Observation(LOOSE)).branch) == 3
