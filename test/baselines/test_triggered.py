import numpy as np
import pytest

from approx_perception.baselines.policies import Triggered
from approx_perception.branches import Branch
from approx_perception.exceptions import ConfigurationError
from approx_perception.structures import SLA, Observation
from approx_perception.testing.fakes import small_space

TRACKED = small_space()[1]


def seen(value, size=(48, 64)):
    return Observation(SLA(50.0), image=np.full((*size, 3), value, np.uint8))


def test_changes_of_the_scene_add_up_to_a_detection():
    policy = Triggered(TRACKED)
    reasons = [policy.why_detect(seen(value)) for value in (0, 0, 10, 20, 30)]
    assert reasons == ["", "", "", "", "the scene changed by 0.118"]


def test_images_of_another_size_are_not_compared():
    policy = Triggered(TRACKED)
    assert [policy.why_detect(o) for o in (seen(0), seen(255, (96, 640)))] == ["", ""]


def test_it_needs_a_branch_that_tracks():
    with pytest.raises(ConfigurationError, match="needs a branch that tracks"):
        Triggered(Branch(320))
