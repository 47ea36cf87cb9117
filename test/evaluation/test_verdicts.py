"""What results say first: few frames, no truth, and fixed branches beside ours."""

import pytest

from approx_perception.evaluation.result import comparison_table, result_of
from test.metrics.records import Row, found, record, truth

BOX = [0, 0, 10, 10]
HIT, MISS = (found([BOX]), truth([BOX])), (found([]), truth([BOX]))
SLA = {"latency_ms": 50.0, "quantile": 0.95, "scope": "frame"}


def run(name, hits, ms=10.0, kind=None, count=40, sla=SLA, network="net", **row):
    rows = [Row(*(HIT if i < hits else MISS), ms=ms, **row) for i in range(count)]
    configuration = {"system": kind or name, "sla": sla}
    return [record(rows, system=name, configuration=configuration, network=network)]


def verdicts(**by_system):
    result = result_of(by_system, [], [])
    table = comparison_table(by_system, result)
    assert "nan" not in table
    return {name: entry["verdict"] for name, entry in result["systems"].items()}, table


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_frames_have_words_and_no_nan(count):
    (own,) = verdicts(ours=run("ours", count, count=count))[0].values()
    assert own["state"] == "unknown"
    words = f"{count} frame" if count else "no frame was processed"
    assert words in own["slas"][0]["text"]
    assert "nan" not in own["cost"]


def test_frames_that_were_all_dropped_and_frames_without_truth():
    rows = [Row(dropped=True)] * 30
    (own,) = verdicts(ours=[record(rows)])[0].values()
    assert own["slas"][0]["text"] == (
        "SLA 50 ms for 95 % of frames: unknown (no frame was processed)"
    )
    (own,) = verdicts(ours=[record([Row()] * 30)])[0].values()
    assert own["state"] == "kept"
    assert own["cost"] == "AP50 is unknown: no processed frame has ground truth"


@pytest.mark.parametrize(
    ("hits", "state", "words"),
    [
        (40, "kept", "accuracy 0.9: kept (AP50 1.000, 0.500 was expected)"),
        (30, "broken", "accuracy 0.9: broken (AP50 0.750, 0.500 was expected)"),
    ],
)
def test_an_accuracy_that_is_asked_for_is_judged(hits, state, words):
    (own,) = verdicts(ours=run("ours", hits, sla={**SLA, "accuracy": 0.9}))[0].values()
    assert own["state"] == state
    assert own["slas"][1] == {"state": state, "text": words}


def test_an_accuracy_that_no_truth_tells_is_unknown():
    configuration = {"system": "ours", "sla": {**SLA, "accuracy": 0.9}}
    (own,) = verdicts(ours=[record([Row()] * 30, configuration=configuration)])[0].values()
    assert own["state"] == "unknown"
    assert own["slas"][1]["text"].startswith("accuracy 0.9: unknown (no ground truth tells, ")


def test_the_cost_is_against_the_best_fixed_branch_inside_the_sla():
    own, _ = verdicts(
        ours=run("ours", 30), small=run("small", 10, kind="fixed"),
        large=run("large", 32, kind="detector_only"), slow=run("slow", 40, 90.0, "fixed"),
    )  # fmt: skip
    assert own["ours"]["cost"] == (
        "AP50 0.750, 0.050 below the best of 2 fixed branches inside the SLA (large: 0.800; "
        "too few frames to tell)"
    )
    assert own["large"]["cost"] == "AP50 0.800"
    assert own["slow"]["state"] == "broken"


def test_what_replay_knows_afterwards_goes_before_what_ran_by_chance():
    own, _ = verdicts(
        ours=run("ours", 30), small=run("small", 10, kind="fixed"),
        best_fixed=run("best_fixed", 28),
    )  # fmt: skip
    assert own["ours"]["cost"] == (
        "AP50 0.750, 0.050 above the best fixed branch (best_fixed: 0.700; too few frames to tell)"
    )


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (run("other", 10, 90.0, "fixed"), "no fixed branch beside it is known to keep the SLA"),
        (run("other", 10, kind="fixed", count=41), "no fixed branch ran beside it"),
        (run("other", 10, kind="fixed", network="another"), "no fixed branch ran beside it"),
        (run("other", 10, kind="fixed", sla=SLA | {"latency_ms": 9.0}), "no fixed branch ran"),
        (run("other", 30, kind="fixed"), "the same as the fixed branch inside the SLA"),
        (run("other", 10, kind="fastest"), "no fixed branch ran beside it"),
    ],
)
def test_only_what_is_comparable_tells_the_cost(other, words):
    assert words in verdicts(ours=run("ours", 30), other=other)[0]["ours"]["cost"]


def test_the_cost_is_as_certain_as_the_frames_tell():
    def cost(hits, count):
        fixed = run("fixed", count // 2, kind="fixed", count=count)
        return verdicts(ours=run("ours", hits, count=count), fixed=fixed)[0]["ours"]["cost"]

    assert cost(40, 40).endswith("(fixed: 0.500; too few frames to tell)")
    # Half of the frames lie behind those on which both are alike: some draws see none of them.
    assert "; not certain: +0.000 to +" in cost(132, 256)
    assert cost(128, 256).endswith("the same as the fixed branch inside the SLA (fixed: 0.500)")
    assert cost(256, 256).endswith("0.500 above the fixed branch inside the SLA (fixed: 0.500)")


def test_a_fixed_branch_tells_nothing_of_others():
    own, _ = verdicts(
        ours=run("ours", 3, 90.0, fastest_ms=80.0),
        small=run("small", 3, 90.0, "fixed", fastest_ms=80.0),
    )  # fmt: skip
    assert "no branch fits: the fastest takes 80 ms" in own["ours"]["slas"][0]["text"]
    assert own["small"]["slas"][0]["text"].endswith("broken (100 % late)")


def test_the_table_says_which_sign_is_better():
    _, table = verdicts(ours=run("ours", 30), other=run("other", 10))
    assert "difference to ours (+ is better)" in table.splitlines()[0]
    assert "-0.500" in table
