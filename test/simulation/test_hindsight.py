"""The best fixed branch and the oracle, on outcomes small enough to be worked out by hand."""

import numpy as np
import pytest

from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.metrics.average_precision import match_frame, mean_ap50
from approx_perception.simulation.hindsight import BranchOutcomes
from approx_perception.structures import SLA, SlaScope
from test.metrics.records import found, truth

SPACE = BranchSpace("two", [160, 320], [], [1, 2], [TrackerSettings("median_flow", 1)])
SMALL, SMALL_TRACKED, LARGE, LARGE_TRACKED = range(4)
BOX = [0, 0, 10, 10]
HIT = match_frame(found([BOX]), truth([BOX]))
MISS = match_frame(found([]), truth([BOX]))
FRAME, GOF = SLA(20.0, 0.75), SLA(20.0, 0.75, SlaScope.GOF)


def outcomes(hits, latencies):
    """From one word for each branch (``x`` hits) and latencies in ms."""
    matches = [[HIT if letter == "x" else MISS for letter in word] for word in hits]
    return BranchOutcomes(SPACE, matches, np.array(latencies, float), 1)


def ap50(made, choice):
    return mean_ap50(made.chosen(choice), made.class_count).mean


EASY_THEN_HARD = outcomes(
    ["xx....xx", "x.......", "xxxxxxxx", "xxxxxx.."],
    [[5] * 8, [5, 1] * 4, [30] * 8, [30, 2] * 4],
)


def test_groups_of_the_oracle_hold_whole_groups_of_all_branches():
    assert EASY_THEN_HARD.group_frames == 2
    assert EASY_THEN_HARD.starts(LARGE_TRACKED).tolist() == [True, False] * 4


def test_the_oracle_changes_with_the_content():
    choice = EASY_THEN_HARD.oracle([FRAME] * 8)
    # 30 ms are over 20: only the small ones are inside, group by group.
    assert set(choice.branches.tolist()) <= {SMALL, SMALL_TRACKED}
    choice = EASY_THEN_HARD.oracle([GOF] * 8)
    # A mean of 16 ms is inside: the large tracked branch where it is better than the small one.
    assert choice.branches[2:6].tolist() == [LARGE_TRACKED] * 4
    assert choice.branches[6:].tolist() == [SMALL] * 2
    assert ap50(EASY_THEN_HARD, choice) == 1.0
    assert EASY_THEN_HARD.latency_ms(choice)[2:4].tolist() == [30.0, 2.0]


def test_if_nothing_fits_the_oracle_takes_the_fastest():
    choice = EASY_THEN_HARD.oracle([SLA(3.0, 0.75, SlaScope.GOF)] * 8)
    # 3 ms a frame over its group is just inside.
    assert set(choice.branches.tolist()) == {SMALL_TRACKED}
    choice = EASY_THEN_HARD.oracle([SLA(1.0, 0.75, SlaScope.GOF)] * 8)
    assert set(choice.branches.tolist()) == {SMALL_TRACKED}


def test_each_frame_has_its_own_sla():
    choice = EASY_THEN_HARD.oracle([GOF] * 4 + [SLA(40.0, 0.75, SlaScope.GOF)] * 4)
    assert choice.branches[-1] in (SMALL, LARGE)
    assert ap50(EASY_THEN_HARD, choice) == 1.0


def test_best_fixed_meets_the_sla_as_often_as_asked():
    # Half of its frames are late, a quarter may be; its groups are all in time.
    assert EASY_THEN_HARD.best_fixed([FRAME] * 8).branches[0] == SMALL
    assert EASY_THEN_HARD.best_fixed([GOF] * 8).branches[0] == LARGE_TRACKED
    assert EASY_THEN_HARD.best_fixed([SLA(0.5, 0.75)] * 8) is None


def test_being_late_in_a_contended_phase_is_not_made_up_for_in_quiet_ones():
    made = outcomes(
        ["x......."] * 2 + ["xxxxxxxx"] * 2, [[5] * 8, [5] * 8, [10] * 6 + [30] * 2, [99] * 8]
    )
    assert made.best_fixed([FRAME] * 8).branches[0] == LARGE
    phases = np.array([0] * 6 + [1] * 2)
    assert made.best_fixed([FRAME] * 8, phases).branches[0] in (SMALL, SMALL_TRACKED)


@pytest.mark.parametrize("count", [1, 2])
def test_few_frames(count):
    made = outcomes(["x" * count] * 4, [[5.0] * count] * 4)
    assert ap50(made, made.oracle([FRAME] * count)) == 1.0


def test_every_group_of_a_branch_must_be_inside_not_their_mean():
    """With si = 1 each frame is a group, so that 30 ms beside 1 ms are late as 30 ms are."""
    uneven = outcomes(["........", "........", "xxxxxxxx", "........"], [[5] * 8, [5, 1] * 4,
                      [30, 1] * 4, [30, 2] * 4])  # fmt: skip
    assert LARGE not in uneven.oracle([GOF] * 8).branches
    assert set(uneven.oracle([SLA(30.0, 0.75, SlaScope.GOF)] * 8).branches.tolist()) == {LARGE}
