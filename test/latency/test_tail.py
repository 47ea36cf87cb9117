import numpy as np
import pytest

from approx_perception.latency.tail import CalibratedTail

PRIOR = np.linspace(-0.1, 0.1, 64)


def observe(tail, residual, quantile):
    tail.correct(residual, quantile)
    tail.remember(residual)


def test_starts_from_the_profile():
    tail = CalibratedTail(PRIOR)
    assert tail.log_ratio(0.5) == pytest.approx(0.0, abs=0.01)
    assert 0.08 < tail.log_ratio(0.95) <= 0.1


@pytest.mark.parametrize("quantile", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("scale", [0.05, 0.2])
def test_share_inside_converges_whatever_the_distribution(quantile, scale):
    rng = np.random.default_rng(1)
    tail, over = CalibratedTail(PRIOR), []
    for _ in range(3000):
        residual = scale * float(rng.standard_gamma(1.0) - 0.7)
        over.append(residual > tail.log_ratio(quantile))
        observe(tail, residual, quantile)
    assert np.mean(over) == pytest.approx(1 - quantile, abs=0.02)


def test_a_drift_is_followed():
    rng = np.random.default_rng(2)
    tail, over = CalibratedTail(PRIOR), []
    for step in range(3000):
        residual = 0.3 * np.sin(step / 200) + 0.05 * rng.standard_normal()
        over.append(residual > tail.log_ratio(0.95))
        observe(tail, residual, 0.95)
    assert np.mean(over) < 0.075


def test_what_is_not_remembered_still_corrects():
    tail = CalibratedTail(PRIOR)
    before = tail.log_ratio(0.95)
    tail.correct(5.0, 0.95)
    assert tail.log_ratio(0.95) > before
    assert tail.log_ratio(0.95) < before + 0.05


def test_shift_is_bounded():
    tail = CalibratedTail(PRIOR)
    for _ in range(500):
        tail.correct(50.0, 0.95)
    assert tail.log_ratio(0.95) <= 0.1 + 1.2
    for _ in range(5000):
        tail.correct(-50.0, 0.95)
    assert tail.log_ratio(0.95) >= -0.1 - 0.4


def test_many_ratios_are_single_ones():
    tail = CalibratedTail(PRIOR)
    quantiles = np.array([0.5, 0.8, 0.95, 0.999])
    ratios = tail.log_ratios(quantiles)
    np.testing.assert_allclose(ratios, [tail.log_ratio(quantile) for quantile in quantiles])


class TestShareOver:
    """Which share of frames is expected above a latency."""

    def test_agrees_with_the_quantiles(self):
        tail, quantiles = CalibratedTail(PRIOR), np.array([0.5, 0.8, 0.95])
        share = tail.share_over(tail.log_ratios(quantiles))
        np.testing.assert_allclose(share, 1 - quantiles, atol=0.02)

    def test_falls_off_exponentially_beyond_all_that_was_seen(self):
        tail = CalibratedTail(PRIOR)
        beyond = np.array([0.0, 0.06, 0.22, 0.4, 1.0])
        shares = tail.share_over(tail.log_ratio(1.0) + beyond)
        np.testing.assert_allclose(shares, shares[0] * np.exp(-beyond / 0.2), rtol=0.02)
        assert (np.diff(shares) < 0).all()

    def test_ends_are_all_and_next_to_none(self):
        shares = CalibratedTail(PRIOR).share_over(np.array([-1e3, 1e3]))
        assert shares[0] == 1.0
        assert 0 < shares[1] < 1e-6

    def test_leaves_the_online_correction_out(self):
        tail, ratios = CalibratedTail(PRIOR), np.linspace(-0.2, 0.3, 7)
        before = tail.share_over(ratios)
        tail.correct(5.0, 0.95)
        assert tail.share_over(ratios).tolist() == before.tolist()
