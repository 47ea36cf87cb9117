"""Whether an SLA was kept, in words: few frames, bounds, groups, several SLAs."""

import numpy as np
import pytest

from approx_perception.evaluation.result import result_of
from approx_perception.metrics.record_files import read_record, write_record
from approx_perception.metrics.verdict import (
    SlaCounts,
    SlaState,
    counts_of,
    joined_state,
    verdict_on,
)
from approx_perception.structures import SLA, SlaScope
from test.metrics.records import Row, record

FRAMES = SLA(20.0)
GROUPS = SLA(20.0, 0.95, SlaScope.GOF)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (SlaCounts(FRAMES, 1000, 16), "SLA 20 ms for 95 % of frames: kept (98.4 % inside)"),
        (SlaCounts(FRAMES, 100, 31), "SLA 20 ms for 95 % of frames: broken (31 % late)"),
        (
            SlaCounts(FRAMES, 100, 31, 80, 23.04),
            "SLA 20 ms for 95 % of frames: broken (31 % late; no branch fits: the fastest takes 23 "
            "ms at P95)",
        ),
        (
            SlaCounts(FRAMES, 100, 31, 12),
            "SLA 20 ms for 95 % of frames: broken (31 % late; no branch fits for 12 % of them)",
        ),
        (SlaCounts(GROUPS, 20, 0), "SLA 20 ms for 95 % of groups: kept (100 % inside)"),
        (
            SlaCounts(FRAMES, 0, 0),
            "SLA 20 ms for 95 % of frames: unknown (no frame was processed)",
        ),
        (
            SlaCounts(GROUPS, 1, 1),
            "SLA 20 ms for 95 % of groups: unknown (1 late of 1 group; 20 are needed to tell)",
        ),
        (
            SlaCounts(SLA(0.5, 0.999), 900, 0),
            "SLA 0.5 ms for 99.9 % of frames: unknown (0 late of 900 frames; 1000 are needed to "
            "tell)",
        ),
        # Two of twenty would be too many: those to come cannot mend it.
        (SlaCounts(FRAMES, 2, 2), "SLA 20 ms for 95 % of frames: broken (100 % late)"),
    ],
)
def test_words(counts, words):
    assert verdict_on(counts).text == words


@pytest.mark.parametrize("quantile", [0.5, 0.7, 0.9, 0.95, 0.99, 0.999])
def test_exactly_what_is_allowed_is_kept_and_one_more_is_not(quantile):
    sla, allowed = SLA(20.0, quantile), round(10_000 * (1 - quantile))
    kept = verdict_on(SlaCounts(sla, 10_000, allowed))
    broken = verdict_on(SlaCounts(sla, 10_000, allowed + 1))
    assert (kept.state, broken.state) == (SlaState.KEPT, SlaState.BROKEN)
    # What is over the bound is never shown as the bound.
    assert f"({100 - 100 * quantile:g} % late" not in broken.text
    assert "100 %" not in verdict_on(SlaCounts(sla, 10**6, 1)).text


@pytest.mark.parametrize("count", [0, 1, 2, 19])
def test_too_few_frames_are_never_kept(count):
    assert verdict_on(SlaCounts(FRAMES, count, 0)).state is SlaState.UNKNOWN


def test_several_slas_are_judged_by_themselves_and_over_all_records():
    late, quick = Row(ms=90.0), Row(ms=10.0)
    loose = Row(ms=90.0, sla=SLA(100.0))
    counts = counts_of([record([quick] * 30 + [loose] * 40), record([late] * 30)])
    assert [(own.sla.latency_ms, own.counted, own.late) for own in counts] == [
        (50.0, 60, 30), (100.0, 40, 0),
    ]  # fmt: skip
    verdicts = [verdict_on(own) for own in counts]
    assert [verdict.state for verdict in verdicts] == [SlaState.BROKEN, SlaState.KEPT]
    assert joined_state(verdicts) is SlaState.BROKEN
    assert joined_state(verdicts[1:]) is SlaState.KEPT
    assert joined_state([]) is SlaState.UNKNOWN


def test_groups_count_by_their_mean_and_dropped_frames_do_not_count():
    gof = SLA(50.0, 0.95, SlaScope.GOF)
    rows = [Row(ms=90.0, sla=gof), Row(ms=5.0, detected=False, sla=gof), Row(dropped=True)]
    (counts,) = counts_of([record(rows)])
    assert (counts.counted, counts.late) == (1, 0)


@pytest.mark.parametrize("rows", [[], [Row(dropped=True)] * 3])
def test_nothing_processed(rows):
    assert counts_of([record(rows)]) == []


def test_decisions_tell_that_nothing_fits():
    rows = [Row(ms=90.0, fastest_ms=80.0)] * 25 + [Row(ms=90.0)] * 5
    (counts,) = counts_of([record(rows)])
    assert counts.without_fit == 25
    assert "no branch fits: the fastest takes 80 ms at P95" in verdict_on(counts).text


def test_records_of_before_do_not_tell_what_fits(tmp_path):
    write_record(tmp_path, record([Row(ms=90.0, fastest_ms=80.0)] * 30))
    arrays = dict(np.load(tmp_path / "record.npz"))
    del arrays["frames.fits"], arrays["frames.fastest_ms"]
    np.savez(tmp_path / "record.npz", **arrays)
    (counts,) = counts_of([read_record(tmp_path)])
    assert verdict_on(counts).text.endswith("broken (100 % late)")


def test_dropped_frames_are_told_beside_the_verdict():
    rows = [Row(), *[Row(dropped=True)] * 3]
    result = result_of({"ours": [record(rows)], "all": [record([Row()])]}, (), ())
    texts = [result["systems"][name]["verdict"]["slas"][0]["text"] for name in ("ours", "all")]
    assert texts[0].endswith(", 75 % of frames dropped")
    assert "dropped" not in texts[1]
