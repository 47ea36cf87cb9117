import math

import pytest

from approx_perception.clock import FakeClock
from approx_perception.exceptions import ConfigurationError
from approx_perception.load.load_inputs import LoadInputs, share_of_percent
from approx_perception.structures import LoadReading


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def inputs(clock):
    return LoadInputs(clock, max_age_s=2.0)


def test_nobody_speaks(inputs):
    assert inputs.reading() == LoadReading()
    assert inputs.silent() == {}


def test_newest_reading_of_each_and_the_highest_of_all(inputs):
    inputs.update("/a", cpu=0.2)
    inputs.update("/a", cpu=0.4, gpu=0.1)
    inputs.update("/b", cpu=0.3, gpu=0.6)
    assert inputs.reading() == LoadReading(cpu=0.4, gpu=0.6)


def test_nan_is_what_a_monitor_does_not_know(inputs):
    inputs.update("/a", cpu=0.5, gpu=math.nan)
    assert inputs.reading() == LoadReading(cpu=0.5, gpu=None)


def test_a_silent_monitor_no_longer_counts_until_it_speaks_again(inputs, clock):
    inputs.update("/a", cpu=0.9)
    inputs.update("/b", gpu=0.5)
    clock.advance_ms(1500)
    inputs.update("/b", gpu=0.4)
    clock.advance_ms(1000)
    assert inputs.reading() == LoadReading(cpu=None, gpu=0.4)
    assert inputs.silent() == {"/a": pytest.approx(2.5)}
    inputs.update("/a", cpu=0.1)
    assert inputs.reading() == LoadReading(cpu=0.1, gpu=0.4)
    assert inputs.silent() == {}


@pytest.mark.parametrize("share", [-0.1, 1.01, math.inf, -math.inf])
def test_shares_outside_their_range_are_refused_and_change_nothing(inputs, share):
    inputs.update("/a", cpu=0.3)
    with pytest.raises(ConfigurationError, match="must lie between 0 and 1"):
        inputs.update("/a", cpu=share)
    assert inputs.reading() == LoadReading(cpu=0.3)


@pytest.mark.parametrize("percent", [-1.0, 100.5, math.nan, math.inf])
def test_percentages_outside_their_range_are_refused(percent):
    with pytest.raises(ConfigurationError, match="percentage from 0 to 100"):
        share_of_percent(percent)


def test_percentages():
    assert [share_of_percent(p) for p in (0, 50, 100)] == [0.0, 0.5, 1.0]
