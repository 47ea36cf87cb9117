"""Pictures for papers, of the same data as the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring._base import Scoring
from approx_perception.metrics.scoring.by_task import scoring_in
from approx_perception.reports.charts import seconds_of
from approx_perception.reports.tasks.by_task import report_of

__all__ = ["draw_paper_figures"]

_DPI = 200


def draw_paper_figures(
    folder: Path,
    figures: Mapping[str, Mapping[str, float]],
    records: Mapping[str, Sequence[RunRecord]],
) -> list[Path]:
    """Write accuracy.png, latency.png and one timeline for each run; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "accuracy.png", folder / "latency.png"]
    _draw_accuracy(written[0], figures, scoring_in(next(iter(records.values()), ())))
    _draw_latency(written[1], records)
    for name, own in records.items():
        for record in own:
            parts = (record.metadata["source"], name)
            text = "_".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)
            written.append(folder / f"timeline_{text}.png")
            _draw_timeline(written[-1], record)
    return written


def _draw_accuracy(
    path: Path, figures: Mapping[str, Mapping[str, float]], scoring: Scoring
) -> None:
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, own in figures.items():
        axes.plot(own["p95_processing_ms"], own[scoring.measure], "o", markersize=8)
        axes.annotate(
            name, (own["p95_processing_ms"], own[scoring.measure]), textcoords="offset points",
            xytext=(6, 4), fontsize=8,
        )  # fmt: skip
    axes.set(xlabel="P95 latency of a frame (ms)", ylabel=scoring.measure_name)
    axes.margins(0.15)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=_DPI)


def _draw_latency(path: Path, records: Mapping[str, Sequence[RunRecord]]) -> None:
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, own in records.items():
        latency = np.concatenate([record.processed("processing_ms") for record in own])
        if len(latency):
            axes.ecdf(latency, label=name)
    for ms in sorted({float(v) for o in records.values() for r in o for v in
                      np.unique(r.processed("sla_ms"))}):  # fmt: skip
        axes.axvline(ms, color="tab:red", linestyle="--", linewidth=1)
    axes.set(xlabel="latency of a frame (ms); SLA dashed", ylabel="share of frames inside")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=_DPI)


def _draw_timeline(path: Path, record: RunRecord) -> None:
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    seconds, latency = seconds_of(record), record.processed("processing_ms")
    detected = record.processed("detected")
    words = report_of(record.scoring.task).frame_words
    for mask, word in zip((detected, ~detected), words, strict=True):
        if mask.any():
            axes.plot(seconds[mask], latency[mask], ".", markersize=3, label=word)
    if not detected.all():
        axes.plot(seconds, record.group_means_ms(), color="black", linewidth=0.8, label="group")
    axes.step(seconds, record.processed("sla_ms"), where="post", color="tab:red", label="SLA")
    axes.set(xlabel="time of the source (s)", ylabel="latency (ms)")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, ncols=4)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=_DPI)
