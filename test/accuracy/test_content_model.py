import numpy as np
import pytest

from approx_perception.accuracy.content_model import (
    ConstantAccuracy,
    ContentRegression,
    feature_vector,
)
from approx_perception.structures import ContentFeatures
from approx_perception.testing.models import small_accuracy_model

SLOW = ContentFeatures(confident_count=5.0, small_size=0.1, relative_speed=0.0)
FAST = ContentFeatures(confident_count=5.0, small_size=0.1, relative_speed=1.0)


def test_speed_costs_the_branches_that_track():
    model = small_accuracy_model()
    slow, fast = model.predict(SLOW), model.predict(FAST)
    np.testing.assert_allclose(slow[[0, 2]], fast[[0, 2]])
    assert (fast[[1, 3]] < slow[[1, 3]] - 0.2).all()


def test_accuracy_stays_near_a_share():
    model = small_accuracy_model()
    for speed in (0.0, 0.1, 100.0):
        values = model.predict(ContentFeatures(small_size=0.1, relative_speed=speed))
        assert ((values >= -0.02) & (values <= 1.02)).all()


def test_beyond_the_fitted_range_its_ends_count():
    model = small_accuracy_model()
    far, further = (
        model.predict(ContentFeatures(small_size=0.1, relative_speed=speed)) for speed in (1e3, 1e6)
    )
    np.testing.assert_allclose(far, further)


def test_polynomial_by_hand():
    # Features 1 and 0.09 with offsets 1 and 0.01: logarithms on a range of 0..log 4 and -2..0.
    low, high = np.array([0.0, np.log(0.01)]), np.array([np.log(4.0), 0.0])
    regression = ContentRegression(low, high, np.eye(6))
    terms = regression.terms(np.log([2.0, 0.1]))
    x, y = 0.0, 0.0
    np.testing.assert_allclose(terms, [1, x, y, x * x, x * y, y * y], atol=1e-12)


def test_odds_there_and_back():
    ap50 = np.array([0.0, 0.2, 0.97, 1.0])
    odds = ContentRegression.log_odds(ap50)
    assert np.isfinite(odds).all()
    np.testing.assert_allclose(ContentRegression.from_log_odds(odds), ap50, atol=1e-12)
    # Beyond what was seen nearly all are perfect; the better ones still stay the better ones.
    beyond = ContentRegression.from_log_odds(np.array([-50.0, 4.5, 5.0, 50.0]))
    assert (np.diff(beyond) > 0).all()
    np.testing.assert_allclose(beyond[[0, -1]], [-0.02, 1.02])


def test_before_any_object_was_seen_content_is_not_known():
    model = small_accuracy_model()
    assert model.predict(ContentFeatures()).tolist() == model.agnostic.tolist()
    assert model.predict(SLOW).tolist() != model.agnostic.tolist()


def test_feature_vector_follows_its_names():
    content = ContentFeatures(confident_count=1, small_size=2, relative_speed=3)
    assert feature_vector(content).tolist() == [1, 2, 3]


def test_constant():
    constant = ConstantAccuracy(np.array([0.1, 0.2]))
    assert constant.predict(FAST).tolist() == [0.1, 0.2]
    assert constant.predict(SLOW) == pytest.approx(constant.predict(FAST))
