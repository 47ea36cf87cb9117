"""An accuracy is asked for, and latency is to be least: events in, decisions out."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.options import check_target, kernel_options
from approx_perception.assembly.policy_factory import PolicyFactory
from approx_perception.exceptions import ConfigurationError
from approx_perception.scheduling import LeastLatency, Scheduler
from approx_perception.structures import SLA, ContentFeatures, Observation
from approx_perception.testing.fakes import FakeLatency, small_space

SPACE = small_space()
# shape=160,si=1 | shape=160,si=4 | shape=320,si=1 | shape=320,si=4
LATENCY_MS = np.array([10.0, 5.0, 30.0, 12.0])
ACCURACY = np.array([0.5, 0.4, 0.8, 0.7])


@pytest.fixture
def scheduler():
    return Scheduler(SPACE, LeastLatency(), FakeLatency(LATENCY_MS), ConstantAccuracy(ACCURACY))


def asking(accuracy, latency_ms=40.0):
    return Observation(SLA(latency_ms, accuracy=accuracy))


@pytest.mark.parametrize(("target", "chosen", "why"), [
    (0.0, 1, "least latency, no accuracy is asked for; expected 0.40 in 4.0 ms"),
    (0.4, 1, "least latency of 4 branches that reach accuracy 0.4; expected 0.40 in 4.0 ms"),
    (0.45, 0, "least latency of 3 branches that reach accuracy 0.45; expected 0.50 in 8.0 ms"),
    (0.6, 3, "least latency of 2 branches that reach accuracy 0.6; expected 0.70 in 9.6 ms"),
    (0.75, 2, "least latency of 1 branch that reach accuracy 0.75; expected 0.80 in 24.0 ms"),
    (0.9, 2, "no branch is expected to reach accuracy 0.9; the most accurate one, 0.80"),
])  # fmt: skip
def test_the_quickest_branch_that_reaches_the_target(scheduler, target, chosen, why):
    decision = scheduler.decide(asking(target))
    assert (SPACE.index(decision.branch), decision.reason) == (chosen, why)


def test_another_target_takes_effect_at_once(scheduler):
    events = [asking(0.6), asking(0.6), asking(0.75), asking(0.75), asking(0.4), asking(0.4)]
    chosen = [scheduler.decide(event) for event in events]
    assert [(SPACE.index(d.branch), d.starts_group) for d in chosen] == [
        (3, True), (3, False), (2, True), (2, True), (1, True), (1, False),
    ]  # fmt: skip


def test_the_budget_does_not_choose_but_is_judged_by(scheduler):
    decision = scheduler.decide(asking(0.75, latency_ms=6.0))
    assert SPACE.index(decision.branch) == 2
    assert decision.fits
    assert decision.expected_quantile_ms > 6.0


def test_contention_moves_it_to_what_is_quickest_now(scheduler):
    assert SPACE.index(scheduler.decide(asking(0.45)).branch) == 0
    scheduler.latency.quantile_ms = np.array([30.0, 5.0, 90.0, 14.0])
    scheduler.abort_group()
    assert SPACE.index(scheduler.decide(asking(0.45)).branch) == 3


def test_only_what_is_allowed_counts(scheduler):
    scheduler.allowed = np.array([True, True, False, False])
    decision = scheduler.decide(asking(0.6))
    assert SPACE.index(decision.branch) == 0
    assert "no branch is expected to reach accuracy 0.6; the most accurate one, 0.50" in (
        decision.reason
    )


def test_a_new_scene_is_looked_at_first(scheduler):
    unknown = ContentFeatures(is_known=False)
    decision = scheduler.decide(Observation(SLA(40.0, accuracy=0.6), unknown))
    assert SPACE.index(decision.branch) == 2
    assert decision.reason.startswith("a look at a new scene: least latency of 1 branch")


def test_ranks_reach_no_target_and_are_refused():
    factory = PolicyFactory(SPACE, ACCURACY - 100)
    with pytest.raises(ConfigurationError, match="'least_latency' must know how accurate"):
        factory.check("least_latency", SPACE[0])


@pytest.mark.parametrize("accuracy", [-0.1, 1.1, float("nan")])
def test_a_target_is_a_share(accuracy):
    with pytest.raises(ConfigurationError, match=r"accuracy asked for is .* between 0 and 1"):
        SLA(40.0, accuracy=accuracy)


def test_a_target_alone_means_least_latency_and_is_refused_for_other_policies():
    assert kernel_options({"sla_accuracy": 0.6}).policy == "least_latency"
    assert kernel_options({"policy": "least_latency"}).sla.accuracy == 0.0
    with pytest.raises(ConfigurationError, match=r"accuracy 0.6 is asked for.*is 'fastest'"):
        check_target(SLA(40.0, accuracy=0.6), ["fastest"])
    check_target(SLA(40.0, accuracy=0.6), ["most_accurate", "least_latency"])
