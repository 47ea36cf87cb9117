"""No branch fits: what is chosen then, and what is told."""

import numpy as np
import pytest

from approx_perception.metrics.verdict import NO_BRANCH_FITS
from approx_perception.scheduling import Candidates, MostAccurate
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Decision,
    Detections,
    FrameResult,
    Observation,
    StageTimings,
)
from approx_perception.testing.fakes import small_space

SPACE, SLA_20 = small_space(), SLA(20.0)
ACCURACY = np.array([0.5, 0.4, 0.8, 0.7])


def select(policy, late_share, accuracy=ACCURACY, current=None):
    ms = np.array([10.0, 5.0, 30.0, 12.0])
    observation = Observation(SLA_20, ContentFeatures(object_count=2))
    late = np.array(late_share)
    return policy.select(Candidates(SPACE, ms, 2 * ms, late, accuracy, current, observation))


@pytest.fixture
def policy():
    """Late in every frame so far, so that lateness is dear."""
    own = MostAccurate()
    select(own, [0.2] * 4)
    decision = Decision(SPACE[0], "detect", True, False, 10.0, 20.0, 0.5, "")
    for sequence in range(60):
        timings = StageTimings(processing_ms=40.0)
        own.observe(FrameResult(0, "", sequence, Detections.empty(), decision, SLA_20, timings))
    return own


@pytest.mark.parametrize(
    ("late_share", "chosen"),
    [
        # 0.01 more late frames are worth 0.4 of accuracy.
        ([0.2, 0.19, 0.6, 0.2], 3),
        # A late frame counts as a wrong one.
        ([0.45, 0.11, 0.6, 0.48], 1),
        # More than half of the frames late is no choice, however accurate.
        ([0.2, 0.19, 0.55, 0.55], 0),
        # Nothing but that: the one that is late least often.
        ([0.9, 0.8, 0.7, 0.75], 2),
    ],
)
def test_a_late_frame_counts_as_a_wrong_one_at_most(policy, late_share, chosen):
    selection = select(policy, late_share)
    assert selection.index == chosen
    assert NO_BRANCH_FITS in selection.reason


def test_it_is_told_also_where_the_branch_that_runs_is_kept(policy):
    selection = select(policy, [0.2, 0.19, 0.6, 0.21], np.array([0.69, 0.4, 0.8, 0.7]), current=0)
    assert selection.index == 0
    assert selection.reason.startswith("kept: no branch fits 20.0 ms")


def test_where_a_branch_fits_nothing_else_runs(policy):
    assert select(policy, [0.06, 0.04, 0.06, 0.06]).index == 1
