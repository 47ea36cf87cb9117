"""Reactions to steps, by hand: ten frames of which at most one is late end them."""

import numpy as np
import pytest

from approx_perception.metrics.adaptation import calm_position, steps_of
from approx_perception.structures import SLA
from test.metrics.records import Row, record


def late(text):
    return np.array([letter == "L" for letter in text])


@pytest.mark.parametrize(
    ("frames", "position"),
    [
        ("", 0),
        (".", 0),
        ("L", None),
        ("LL", None),
        ("..........", 0),
        ("L..........", 1),
        ("L.........", None),
        ("LLL..........", 3),
        ("LLL.L........", 3),
        ("LLL.LL..........", 6),
        ("LLLLLLLLLLLL", None),
        (".L........", 0),
        ("...........LLLL", 0),
    ],
)
def test_when_latency_is_back_to_stay(frames, position):
    assert calm_position(late(frames)) == position


def test_a_step_of_the_sla():
    rows = [Row(ms=40.0)] * 12 + [Row(ms=40.0, sla=SLA(20.0))] * 2
    rows += [Row(ms=15.0, sla=SLA(20.0))] * 12
    (step,) = steps_of(record(rows))
    assert (step.frame, step.kind) == (12, "SLA")
    # Two periods of 100 ms, and what the first frame in time took.
    assert step.reaction_ms == pytest.approx(215.0)


def test_a_step_of_contention_that_is_not_felt():
    rows = [Row(level=0)] * 12 + [Row(level=2)] * 12
    (step,) = steps_of(record(rows))
    assert step.kind == "contention"
    assert step.reaction_ms == 0.0


def test_a_step_that_is_never_answered():
    rows = [Row()] * 12 + [Row(ms=90.0, level=1)] * 12 + [Row(level=0)] * 12
    first, second = steps_of(record(rows))
    assert first.reaction_ms is None
    assert second.reaction_ms == 0.0


def test_both_at_once_are_two_steps():
    rows = [Row(level=0)] * 3 + [Row(level=1, sla=SLA(20.0))] * 3
    assert [(step.frame, step.kind) for step in steps_of(record(rows))] == [
        (3, "SLA"), (3, "contention"),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_steps(count):
    assert steps_of(record([Row()] * count)) == []
