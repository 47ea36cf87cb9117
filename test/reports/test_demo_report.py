"""What a demonstration says of its phases."""

from types import SimpleNamespace

from rich.console import Console

from approx_perception.branches import Branch
from approx_perception.reports.demo_report import demo_table, summarize_demo
from approx_perception.structures import SLA, Decision, Detections, FrameResult, StageTimings

COUNTERS = ("received", "processed", "refused", "dropped for a newer image", "dropped as stale")
PHASES = [
    SimpleNamespace(name=name, sla_ms=ms, start_ns=10_000 * i, end_ns=10_000 * (i + 1))
    for i, (name, ms) in enumerate([("loose", 100.0), ("tight", 20.0), ("loose again", 100.0)])
]


def frames_of(position, count, late, ms):
    decision = Decision(Branch(160), "detect", True, False, ms, ms, 0.5, "")
    sla = SLA(ms, scope="gof")
    return [
        SimpleNamespace(
            result=FrameResult(
                10_000 * position + i, "camera", i, Detections.empty(), decision, sla,
                StageTimings(processing_ms=2 * ms if i < late else ms / 2),
            ),
            age_ms=ms, class_names={},
        )
        for i in range(count)
    ]  # fmt: skip


def summary_of(*phases):
    frames = [frame for own in phases for frame in own]
    return summarize_demo(frames, PHASES, len(frames), dict.fromkeys(COUNTERS, "0"))


def shown(table):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_each_phase_is_judged_by_itself():
    # Of both loose phases together 4.5 % are late.
    summary = summary_of(
        frames_of(0, 200, 2, 100.0), frames_of(1, 200, 0, 20.0), frames_of(2, 111, 12, 100.0)
    )
    loose, tight, again = summary["verdict"]["slas"]
    assert summary["verdict"]["state"] == again["state"] == "broken"
    assert loose["state"] == tight["state"] == "kept"
    assert again["phase"] == "loose again"
    assert again["text"] == "SLA 100 ms for 95 % of groups: broken (10.8 % late)"


def test_the_table_rounds_like_the_verdict():
    # 5.04 %: over what is allowed, so both round up.
    summary = summary_of(frames_of(0, 1250, 63, 100.0))
    first, *_, last = summary["verdict"]["slas"]
    table = shown(demo_table(summary))
    assert first["text"].endswith("broken (5.1 % late)")
    assert "5.1 % of groups" in table
    assert "nan" not in table
    assert "no frame was processed" in last["text"]
