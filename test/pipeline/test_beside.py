"""Lists of events and the instructions that must come of them."""

import numpy as np
import pytest

from approx_perception.branches.compiled import MOST_STEPS
from approx_perception.pipeline.beside import (
    BesideMachine,
    BringForward,
    Carry,
    FrameArrived,
    PartEnded,
    Reset,
    StartPart,
)
from approx_perception.structures import Frame

IMAGE = np.zeros((4, 6, 3), np.uint8)


def frame(number):
    return Frame(IMAGE, number * 1000, "camera", number)


def arrived(number, starts=False):
    return FrameArrived(frame(number), starts)


def said(instructions):
    """Instructions as short tuples of frames' numbers."""
    words = []
    for each in instructions:
        match each:
            case StartPart(ticket, on):
                words.append(("start", ticket, on.sequence))
            case Carry(on):
                words.append(("carry", on.sequence))
            case BringForward(found, origin, between, on):
                numbers = [other.sequence for other in between]
                words.append(("bring", found, origin.sequence, numbers, on.sequence))
    return words


def run(*events):
    machine = BesideMachine()
    return [said(machine.handle(event)) for event in events], machine


def test_frames_are_carried_until_what_was_found_is_brought_forward():
    told, machine = run(
        arrived(0, starts=True), arrived(1), arrived(2), PartEnded(1, "cars"), arrived(3),
        arrived(4),
    )  # fmt: skip
    assert told == [
        [("start", 1, 0), ("carry", 0)], [("carry", 1)], [("carry", 2)], [],
        [("bring", "cars", 0, [2], 3)], [("carry", 4)],
    ]  # fmt: skip
    assert not machine.is_busy


def test_the_frame_that_takes_in_may_start_the_next_one():
    told, machine = run(arrived(0, True), PartEnded(1, "a"), arrived(1, True), arrived(2))
    assert told[2] == [("start", 2, 1), ("bring", "a", 0, [], 1)]
    assert told[3] == [("carry", 2)]
    assert machine.is_busy


def test_one_at_a_time():
    told, _ = run(arrived(0, True), arrived(1, True), PartEnded(1, "a"), arrived(2))
    assert told[1] == [("carry", 1)]
    assert told[3] == [("bring", "a", 0, [1], 2)]


@pytest.mark.parametrize("count", range(40))
def test_steps_are_bounded_however_long_it_takes(count):
    """Each step is over about as many frames, in order, and ends at the newest."""
    later = [arrived(number) for number in range(1, count + 1)]
    told, _ = run(arrived(0, True), *later, PartEnded(1, "a"), arrived(count + 1))
    _, _, origin, between, last = told[-1][0]
    steps = np.diff([origin, *between, last])
    assert len(steps) <= MOST_STEPS
    assert (steps > 0).all()
    assert steps.max() <= 2 * max(count + 1, MOST_STEPS) / MOST_STEPS + 1


def test_what_was_found_before_a_reset_is_forgotten_and_the_part_is_still_under_way():
    told, machine = run(arrived(0, True), Reset(), arrived(1, True))
    assert told[2] == [("carry", 1)]
    assert machine.is_busy
    machine.handle(PartEnded(1, "a"))
    assert not machine.is_busy
    assert said(machine.handle(arrived(2, True))) == [("start", 2, 2), ("carry", 2)]


def test_a_reset_between_the_end_and_the_next_frame():
    told, _ = run(arrived(0, True), PartEnded(1, "a"), Reset(), arrived(1))
    assert told[3] == [("carry", 1)]


def test_after_a_failure_it_may_start_again():
    told, _ = run(arrived(0, True), arrived(1), PartEnded(1, failed=True), arrived(2, True))
    assert told[3] == [("start", 2, 2), ("carry", 2)]


def test_an_end_that_nobody_waits_for_is_ignored():
    told, machine = run(PartEnded(0, "a"), arrived(0, True), PartEnded(7, "b"), arrived(1))
    assert told[3] == [("carry", 1)]
    assert machine.is_busy
    machine.handle(PartEnded(1, "c"))
    machine.handle(PartEnded(1, "d"))
    assert said(machine.handle(arrived(2))) == [("bring", "c", 0, [1], 2)]
