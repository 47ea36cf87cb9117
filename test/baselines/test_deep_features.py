"""Features of a backbone, and AdaScale that goes by them."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.baselines.deep_features import DeepFeatures
from approx_perception.baselines.policies import AdaScale
from approx_perception.scheduling import Scheduler
from approx_perception.structures import SLA, Detections, FrameResult, Observation, StageTimings
from approx_perception.testing.fakes import FakeLatency, small_space

SPACE = small_space()


class Backbone:
    """Two levels of one channel: what it sees, and a tenth of it."""

    def __init__(self):
        self.feature_listeners = []

    def __call__(self, cells):
        for listener in self.feature_listeners:
            listener([cells, cells[:, ::4] / 10])


@pytest.fixture
def backbone():
    return Backbone()


def image(value, count=1):
    return np.full((count, 16, 1), value, np.float32)


def test_means_of_the_last_image_level_by_level(backbone):
    features = DeepFeatures(backbone)
    backbone(image(1))
    assert features() is None
    features.listen()
    backbone(image(2))
    backbone(image(30))
    np.testing.assert_allclose(features(), [30.0, 3.0])


@pytest.mark.parametrize("seen", [image(1, count=2), image(float("nan"))])
def test_a_batch_and_what_is_not_finite_tell_nothing(backbone, seen):
    features = DeepFeatures(backbone)
    features.listen()
    backbone(image(2))
    backbone(seen)
    assert features() is None


class Halving:
    """Wants half the shape that the features, the shape itself here, were seen at."""

    def shape(self, features, shape_px):
        assert features.tolist() == pytest.approx([shape_px, shape_px / 10])
        return shape_px / 2


def test_adascale_goes_where_the_features_of_the_frame_before_say(backbone):
    """The first frame is detected at the largest scale, the next at the one asked for."""
    policy = AdaScale(Halving(), DeepFeatures(backbone))
    accuracy = ConstantAccuracy(np.array([0.5, 0.4, 0.8, 0.7]))
    scheduler = Scheduler(SPACE, policy, FakeLatency(np.ones(4)), accuracy)
    shapes = []
    for batch_size in (2, 1, 1, 1):
        decision = scheduler.decide(Observation(SLA(50.0)))
        assert decision.branch.si == 1
        shapes.append(decision.branch.shape)
        backbone(image(decision.branch.shape))
        timings = StageTimings(processing_ms=10.0)
        scheduler.observe(
            FrameResult(
                0, "", 0, Detections.empty(), decision, SLA(50.0), timings, batch_size=batch_size
            )
        )
    # A batch of several cameras says nothing of this one.
    assert shapes == [320, 320, 160, 160]


def test_adascale_without_a_regressor_says_so():
    accuracy = ConstantAccuracy(np.array([0.5, 0.4, 0.8, 0.7]))
    scheduler = Scheduler(SPACE, AdaScale(), FakeLatency(np.ones(4)), accuracy)
    assert "no regressor of scale" in scheduler.decide(Observation(SLA(50.0))).reason
