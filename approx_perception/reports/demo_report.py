"""From what a demonstration recorded to its summary, table, picture and video."""

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from rich.table import Table

from approx_perception.datasets import FrameSource
from approx_perception.exceptions import counted
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.metrics.latency import group_means_ms, summarize_latency, violation_share
from approx_perception.metrics.verdict import (
    SlaCounts,
    Verdict,
    count_slas,
    joined_state,
    percent_late,
    verdict_on,
)
from approx_perception.reports.run_files import VideoFileWriter
from approx_perception.structures import SLA, FrameResult, SlaScope

__all__ = [
    "FrameRecord",
    "PhaseRecord",
    "demo_table",
    "summarize_demo",
    "write_demo_frames",
    "write_demo_video",
]


Vector = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class FrameRecord(Protocol):
    """One processed image as the topics told of it."""

    @property
    def result(self) -> FrameResult:
        """What is known of it."""
        ...

    @property
    def row(self) -> dict[str, object]:
        """What was found, in columns of a table."""
        ...

    age_ms: float
    class_names: dict[int, str]


class PhaseRecord(Protocol):
    """One SLA and when it was in force."""

    name: str
    sla_ms: float
    start_ns: int
    end_ns: int


def latency_arrays(results: Sequence[FrameResult]) -> tuple[Vector, Bools]:
    """Latency in ms, and whether a group starts, of each frame."""
    return (
        np.array([result.timings.processing_ms for result in results], np.float64),
        np.array([result.decision.starts_group for result in results], bool),
    )


def _results_of(phase: PhaseRecord, frames: Sequence[FrameRecord]) -> list[FrameRecord]:
    """Frames that were captured while the phase lasted, and processed under its SLA."""
    return [
        frame
        for frame in frames
        if phase.start_ns <= frame.result.stamp_ns < phase.end_ns
        and math.isclose(frame.result.sla.latency_ms, phase.sla_ms, rel_tol=1e-4)
    ]


def _verdict(inside: Sequence[FrameRecord], sla: SLA) -> Verdict:
    """Whether the SLA was kept in one phase."""
    results = [frame.result for frame in inside]
    fits = np.array([result.decision.fits for result in results], bool)
    counts = count_slas(
        [sla] * len(results), *latency_arrays(results), fits, np.full(len(results), np.nan)
    )
    return verdict_on(counts[0] if counts else SlaCounts(sla, 0, 0))


def _rounded(summary: Any) -> dict[str, float]:
    return {key: round(value, 3) for key, value in asdict(summary).items()}


def _summarize_phase(inside: Sequence[FrameRecord], phase: PhaseRecord, sla: SLA) -> dict[str, Any]:
    results = [frame.result for frame in inside]
    latencies, starts = latency_arrays(results)
    slas = np.array([result.sla.latency_ms for result in results], np.float64)
    branches = Counter(str(result.decision.branch) for result in results)
    return {
        "name": phase.name,
        "sla_ms": phase.sla_ms,
        "sla_quantile": sla.quantile,
        "seconds": round((phase.end_ns - phase.start_ns) / 1e9, 3),
        "processed": len(inside),
        "processing": _rounded(summarize_latency(latencies)),
        "age": _rounded(summarize_latency([frame.age_ms for frame in inside])),
        "group_mean": _rounded(summarize_latency(group_means_ms(latencies, starts))),
        "violation_share_frames": violation_share(latencies, starts, slas, SlaScope.FRAME),
        "violation_share_groups": violation_share(latencies, starts, slas, SlaScope.GOF),
        "branches": dict(branches.most_common()),
    }


def summarize_demo(
    frames: Sequence[FrameRecord],
    phases: Sequence[PhaseRecord],
    sent: int,
    diagnostics: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that ``summary.json`` holds of the run itself.

    Parameters
    ----------
    frames
        As the topics told of them.
    phases
        In order.
    sent
        Images that the player published.
    diagnostics
        Last status of the node: its own counters.
    """
    received = int(diagnostics["received"])
    dropped = int(diagnostics["dropped for a newer image"]) + int(diagnostics["dropped as stale"])
    results = [frame.result for frame in frames]
    latencies, _ = latency_arrays(results)
    ages = np.array([frame.age_ms for frame in frames], np.float64)
    known = results[0].sla if results else SLA(1.0)
    slas = [replace(known, latency_ms=phase.sla_ms) for phase in phases]
    parts = [_results_of(phase, frames) for phase in phases]
    # Each by itself: a good first phase must not hide that the last one broke its SLA.
    verdicts = [_verdict(inside, sla) for inside, sla in zip(parts, slas, strict=True)]
    return {
        "verdict": {
            "state": joined_state(verdicts).value,
            "slas": [
                {"phase": phase.name, "state": own.state.value, "text": own.text}
                for phase, own in zip(phases, verdicts, strict=True)
            ],
        },
        "frames": {
            "sent": sent,
            "received": received,
            "processed": int(diagnostics["processed"]),
            "recorded": len(frames),
            "dropped": dropped,
            "lost_in_transport": sent - received,
            "refused": int(diagnostics["refused"]),
        },
        "processing": _rounded(summarize_latency(latencies)),
        "age": _rounded(summarize_latency(ages)),
        "age_before_processing": _rounded(summarize_latency(ages - latencies)),
        "branch_switches": sum(
            a.decision.branch != b.decision.branch for a, b in pairwise(results)
        ),
        "phases": list(map(_summarize_phase, parts, phases, slas)),
    }


def _phase_cells(phase: Mapping[str, Any]) -> list[str]:
    """One column of the table."""
    total = phase["processed"]
    if not total:
        return [f"{phase['sla_ms']:g} ms", "0", *5 * ["-"]]
    # With spaces, so that the terminal breaks lines between knobs.
    branches = [
        f"{branch.replace(',', ', ')} ({count / total:.0%})"
        for branch, count in list(phase["branches"].items())[:3]
    ]
    spreads = [
        " / ".join(f"{phase[name][key]:.1f}" for key in ("p50_ms", "p95_ms", "max_ms"))
        for name in ("processing", "age")
    ]
    late = [
        f"{percent_late(phase[f'violation_share_{unit}'], 1 - phase['sla_quantile'])} of {unit}"
        for unit in ("frames", "groups")
    ]
    return [f"{phase['sla_ms']:g} ms", str(total), *spreads, *late, "\n".join(branches)]


def demo_table(summary: Mapping[str, Any]) -> Table:
    """Show the summary in a terminal, a column for each phase."""
    counts = summary["frames"]
    table = Table(
        title=f"{counted(counts['sent'], 'image')} sent, {counts['received']} received, "
        f"{counts['processed']} processed, {counts['dropped']} dropped for a newer one"
    )
    table.add_column("")
    for phase in summary["phases"]:
        table.add_column(phase["name"], overflow="fold")
    labels = (
        "SLA", "images processed", "processing, ms\nP50 / P95 / max", "age, ms\nP50 / P95 / max",
        "over the SLA", "", "branch (share)",
    )  # fmt: skip
    columns = [_phase_cells(phase) for phase in summary["phases"]]
    for label, *cells in zip(labels, *columns, strict=True):
        table.add_row(label, *cells)
    return table


def write_demo_frames(path: Path, frames: Sequence[FrameRecord]) -> None:
    """Write a CSV row for each processed image, as the topics told of it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        found = [frame.row for frame in frames]
        columns = list(found[0]) if found else []
        rows.writerow(
            ["stamp_ns", "branch", "kind", *columns, "processing_ms", "age_ms", "sla_ms",
             "expected_quantile_ms", "reason"]
        )  # fmt: skip
        for frame, own in zip(frames, found, strict=True):
            result, decision = frame.result, frame.result.decision
            rows.writerow(
                [result.stamp_ns, decision.branch, decision.kind, *own.values(),
                 f"{result.timings.processing_ms:.3f}", f"{frame.age_ms:.3f}",
                 result.sla.latency_ms, f"{decision.expected_quantile_ms:.3f}", decision.reason]
            )  # fmt: skip


def _source_frames(source: FrameSource, wanted: set[int]) -> Iterator[tuple[int, Any]]:
    for entry in source:
        if entry.frame.sequence in wanted:
            yield entry.frame.sequence, entry.frame.image


def write_demo_video(
    path: Path,
    source: FrameSource,
    frames: Sequence[FrameRecord],
    sent: Sequence[tuple[int, int]],
    report: Callable[[int], None] = lambda _: None,
    caution: str = "",
) -> None:
    """Draw what was published onto the images that were sent.

    Shows the first pass of a source that was played in a loop.

    Parameters
    ----------
    path
        mp4 to write.
    source
        That of the player.
    frames
        As the topics told of them.
    sent
        ``(index in the source, stamp_ns)`` of each image.
    report
        Called with the number of images drawn.
    caution
        Written on each image; empty for nothing.
    """
    by_stamp = {frame.result.stamp_ns: frame for frame in frames}
    by_index: dict[int, FrameRecord] = {}
    for index, stamp_ns in sent:
        if stamp_ns in by_stamp:
            by_index.setdefault(index, by_stamp[stamp_ns])
    sent_once = {index for index, _ in sent}
    fps = source.fps * len(by_index) / max(len(sent_once), 1)
    writer = VideoFileWriter(path, max(fps, 1.0))
    for count, (index, image) in enumerate(_source_frames(source, set(by_index)), start=1):
        result, names = by_index[index].result, _names(by_index[index].class_names)
        lines = status_lines(result.decision, result.timings.processing_ms, result.sla.latency_ms)
        lines += [caution] if caution else []
        writer.write(annotate(image, result.output, names, lines))
        report(count)
    writer.close()


def _names(class_names: Mapping[int, str]) -> list[str]:
    return [class_names.get(index, "") for index in range(max(class_names, default=-1) + 1)]
