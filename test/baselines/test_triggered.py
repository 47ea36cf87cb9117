"""Track, and detect when objects have moved or the longest time is over."""

import math

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.baselines.policies import Triggered
from approx_perception.branches import Branch
from approx_perception.exceptions import ConfigurationError
from approx_perception.scheduling import Scheduler
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Detections,
    FrameResult,
    Observation,
    StageTimings,
)
from approx_perception.testing.fakes import FakeLatency, small_space

SPACE = small_space()


def play(speed, frames=9):
    """Whether each frame begins a group, and the reasons."""
    scheduler = Scheduler(
        SPACE, Triggered(SPACE[1]), FakeLatency(np.ones(4)), ConstantAccuracy(np.ones(4))
    )
    decisions = []
    for sequence in range(frames):
        decision = scheduler.decide(Observation(SLA(50.0)))
        decisions.append(decision)
        scheduler.observe(
            FrameResult(
                0, "", sequence, Detections.empty(), decision, SLA(50.0),
                StageTimings(processing_ms=5.0), content=ContentFeatures(relative_speed=speed),
            )
        )  # fmt: skip
    return [d.starts_group for d in decisions], [d.reason for d in decisions]


@pytest.mark.parametrize("speed", [0.0, math.nan, 0.05])
def test_a_quiet_scene_is_detected_in_every_si_th_frame(speed):
    starts, reasons = play(speed)
    assert starts == [True, False, False, False] * 2 + [True]
    assert reasons[4] == "4 frames without a change of the scene"


def test_motion_since_the_last_detection_triggers_the_next():
    starts, reasons = play(0.15)
    # Two tracked frames move objects by 30 % of their size.
    assert starts == [True, False, False] * 3
    assert reasons[3].startswith("objects moved by 30% of their size: ")


def test_needs_a_branch_that_tracks():
    with pytest.raises(ConfigurationError, match="needs a branch that tracks, not shape=160"):
        Triggered(Branch(160))
