"""Whatever the space, the policy, the SLA and what is expected: only open branches run."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.policy_factory import PolicyFactory
from approx_perception.baselines.original_latency import OriginalLatency, OriginalModel
from approx_perception.baselines.original_policy import OriginalPolicy
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Detections,
    FrameResult,
    Observation,
    SlaScope,
    StageTimings,
)
from approx_perception.testing.fakes import FakeLatency

TRACKERS = [TrackerSettings("median_flow", 1), TrackerSettings("median_flow", 2)]


def random_space(rng):
    intervals = sorted(rng.choice([1, 2, 4, 8, 20], rng.integers(1, 5), replace=False).tolist())
    shapes = [160, 224, 320][: rng.integers(1, 4)]
    return BranchSpace("random", shapes, [], intervals, TRACKERS[: rng.integers(1, 3)])


def random_original(rng, space):
    settings, trackers = len(space.detector_settings), len(space.trackers)
    return OriginalModel(
        rng.uniform(size=(3, 3)), rng.uniform(0, 10, (settings, 15)),
        rng.uniform(size=(trackers, 36)), rng.uniform(size=(trackers, 36)),
        rng.uniform(size=(settings, settings)),
    )  # fmt: skip


def random_policy(rng, name, space):
    original, accuracy = random_original(rng, space), rng.uniform(size=len(space))
    if name == "approxdet":
        return OriginalPolicy(OriginalLatency(space, original), accuracy)
    return PolicyFactory(space, accuracy).create(name, space[0])


def random_scheduler(rng, space, policy):
    latency = FakeLatency(rng.uniform(5, 80, len(space)), steepness=rng.choice([1.0, 3.0, 100.0]))
    accuracy = rng.uniform(0.1, 0.9, len(space)) - (100 if rng.random() < 0.3 else 0)
    return Scheduler(space, policy, latency, ConstantAccuracy(accuracy))


def play(rng, scheduler, frames=30):
    """Run frames of random SLAs, latencies and scenes; yields decisions and lengths of groups."""
    length, sla = 0, SLA(20.0)
    for index in range(frames):
        if rng.random() < 0.1:
            sla = SLA(float(rng.uniform(2, 90)), 0.95, list(SlaScope)[rng.integers(2)])
        content = ContentFeatures(is_known=bool(rng.random() < 0.8))
        decision = scheduler.decide(Observation(sla, content, "camera", (640, 480)))
        length = 1 if decision.starts_group else length + 1
        yield decision, length
        timings = StageTimings(processing_ms=float(rng.uniform(1, 60)))
        found = Detections.from_arrays(np.zeros((2, 4)), np.ones(2), np.zeros(2))
        scheduler.observe(FrameResult(0, "camera", index, found, decision, sla, timings))


@pytest.mark.parametrize("name", ["most_accurate", "fastest", "adascale", "approxdet"])
def test_only_branches_that_are_allowed_run(name):
    rng = np.random.default_rng(0)
    for _ in range(150):
        space = random_space(rng)
        policy = random_policy(rng, name, space)
        scheduler = random_scheduler(rng, space, policy)
        scheduler.allowed = rng.random(len(space)) < 0.4
        scheduler.allowed[rng.integers(len(space))] = True
        if (
            name == "adascale"
            and not (scheduler.allowed & (space.compiled.group_frames == 1)).any()
        ):
            continue
        for decision, length in play(rng, scheduler):
            assert scheduler.allowed[space.index(decision.branch)], decision
            assert np.isfinite(decision.expected_quantile_ms)
            # A group that tracks on is one of a longer si, which must be allowed too.
            longest = max(
                branch.si
                for branch, allowed in zip(space, scheduler.allowed, strict=True)
                if allowed
                and branch.detector_settings == decision.branch.detector_settings
                and branch.tracker_settings == decision.branch.tracker_settings
            )
            assert length <= longest


def test_the_longest_interval_alone_is_allowed_in_scope_gof():
    """A user with no profile, so ranks, allowed si=8 alone and got si=4."""
    space = BranchSpace("stretch", [160], [], [1, 2, 4, 8], [TrackerSettings("median_flow", 2)])
    ranks = ConstantAccuracy(np.array([4.0, 3.0, 2.0, 1.0]) - 100)
    scheduler = Scheduler(space, MostAccurate(), FakeLatency([40.0, 30.0, 25.0, 20.0]), ranks)
    scheduler.allowed = np.array([False, False, False, True])
    decision = scheduler.decide(Observation(SLA(30.0, 0.95, SlaScope.GOF)))
    assert decision.branch.si == 8


def test_a_late_group_tracks_on_past_an_interval_that_is_not_allowed():
    """Its lateness costs what tracking on loses, for the longest si may be reached."""
    space = BranchSpace("stretch", [160, 320], [], [2, 4, 8], [TrackerSettings("median_flow", 2)])
    # Shape 320 at si = 2 is late in half of its groups, and at si = 8 never.
    latency = FakeLatency([10.0, 10.0, 10.0, 23.0, 23.0, 10.0], steepness=5.0)
    accuracy = ConstantAccuracy(np.array([0.5, 0.4, 0.3, 0.9, 0.85, 0.8]))
    scheduler = Scheduler(space, MostAccurate(), latency, accuracy)
    scheduler.allowed = np.array([True, False, True] * 2)
    decision = scheduler.decide(Observation(SLA(20.0, 0.95, SlaScope.GOF)))
    assert (decision.branch.shape, decision.branch.si) == (320, 2)
