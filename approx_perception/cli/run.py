"""``approx-perception run``: any source through the pipeline, offline."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from approx_perception.cli._console import console, progress_bar, show_verdict
from approx_perception.cli._evaluation import kernel_of, tell_malformed
from approx_perception.cli._verb import verb
from approx_perception.datasets import FrameSource, LabelledFrame, is_synthetic, open_source
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import DatasetError
from approx_perception.metrics.average_precision import average_precision_50
from approx_perception.metrics.latency import summarize_latency
from approx_perception.metrics.verdict import counts_of_results, verdict_on
from approx_perception.notices import notice
from approx_perception.reports.output_folder import fresh_folder
from approx_perception.structures import Detections, FrameResult, GroundTruth

if TYPE_CHECKING:
    from approx_perception.assembly import Kernel, KernelOptions

__all__ = ["run"]


@verb
def run(
    source: str, out: Path, topic: str | None, frames: int | None, seed: int, max_image_px: int,
    video: bool, overwrite: bool, **words: Any,
) -> None:  # fmt: skip
    """Run a source through the pipeline, every frame, and write what came out.

    Writes detections.txt (frame,id,x,y,w,h,score,class_name; frames from 1, px), frames.csv
    (branch, stages and SLA of each frame) and config.yaml. Where the source has ground truth,
    AP50 is shown.
    """
    from approx_perception.assembly import assemble
    from approx_perception.reports.run_files import write_config

    options = kernel_of(words)
    with fresh_folder(out, overwrite) as folder:
        frame_source = open_source(source, topic, frames, seed, max_image_px=max_image_px)
        entries = iter(frame_source)
        first = next(entries, None)
        if first is None:
            raise DatasetError(f"{frame_source.name} has no frames")
        options = replace(
            options, only_branch=bool(options.branch),
            image_size=(first.frame.image.shape[1], first.frame.image.shape[0]),
        )  # fmt: skip
        with console.status("starting") as status:
            kernel = assemble(options, report=status.update)
        caution = "" if is_synthetic(source) else kernel.detector.caution
        if caution:
            notice(caution)
        write_config(folder / "config.yaml", _effective_config(source, options, kernel))
        outcome = _process(
            chain([first], entries), frame_source, kernel, folder, frames, video, caution
        )
    tell_malformed(kernel.detector.malformed_count, kernel.detector.description)
    _show(outcome, frame_source, kernel, options.policy == "fixed")
    console.print(f"results are in {out}")


class _Outcome:
    """Results of a run as far as the summary needs them."""

    def __init__(self) -> None:
        self.results: list[FrameResult] = []
        self.scored: list[tuple[Detections, GroundTruth]] = []


def _process(
    entries: chain[LabelledFrame],
    source: FrameSource,
    kernel: Kernel,
    folder: Path,
    limit: int | None,
    video: bool,
    caution: str,
) -> _Outcome:
    from approx_perception.pipeline.failures import FrameFailures
    from approx_perception.reports.run_files import RunFiles

    names = kernel.detector.class_names
    total = min(source.frame_count or limit or 0, limit or source.frame_count) or None
    outcome = _Outcome()
    class_map = ClassMap(names, source.class_names)
    failures = FrameFailures(kernel.detector.description)
    with (
        RunFiles(folder, names, source.fps if video else None, caution) as files,
        progress_bar() as progress,
    ):
        task = progress.add_task(source.name, total=total)
        for entry in entries:
            if limit is not None and entry.frame.sequence >= limit:
                break
            progress.advance(task)
            result = failures.attempt(kernel.pipeline.process, entry.frame)
            if result is not None:
                files.write(entry.frame, result)
                outcome.results.append(result)
            if entry.ground_truth is not None:
                # Of a frame that failed, all was missed.
                found = class_map.apply(result.detections) if result else Detections.empty()
                outcome.scored.append((found, entry.ground_truth))
    failures.tell()
    return outcome


def _effective_config(source: str, options: KernelOptions, kernel: Kernel) -> dict[str, Any]:
    values = {**asdict(options), "detector": options.family, "sla": options.sla.to_dict()}
    values["class_names_file"] = str(options.class_names_file or "")
    values["profile"] = str(options.profile or "")
    values["image_size"] = list(options.image_size)
    return {
        "source": source,
        **values,
        "network": kernel.detector.description,
        "fixed_branch": str(kernel.branch),
        "space_content": kernel.space.to_dict(),
        "space_hash": kernel.space.hash,
    }


def _show(outcome: _Outcome, source: FrameSource, kernel: Kernel, is_fixed: bool) -> None:
    from approx_perception.metrics.truth_use import truth_remarks

    results = outcome.results
    # One SLA holds for all of a run.
    (counts,) = counts_of_results(results)
    verdict = verdict_on(replace(counts, without_fit=0) if is_fixed else counts)
    show_verdict(verdict.text, verdict.state.value)
    latencies = np.array([result.timings.processing_ms for result in results])
    summary = summarize_latency(latencies)
    table = Table("", kernel.detector.description, title=f"{source.name}: {len(results)} frames")
    table.add_row(
        "processing",
        f"P50 {summary.p50_ms:.1f}, P95 {summary.p95_ms:.1f}, max {summary.max_ms:.1f} ms",
    )
    over = f"{counts.late / counts.counted:.1%} of {counts.sla.scope.value}s"
    table.add_row("over the SLA", f"{over} (SLA {counts.sla.latency_ms:g} ms)")
    branches = Counter(str(result.decision.branch) for result in results)
    table.add_row(
        "branches", "\n".join(f"{count} x {name}" for name, count in branches.most_common(6))
    )
    if outcome.scored:
        score = average_precision_50(outcome.scored, len(source.class_names))
        floor = kernel.pipeline.score_threshold
        shown = f"{score.mean:.3f} (all-point, scores from {floor:g})"
        nothing = "unknown: the ground truth of these frames holds no objects"
        table.add_row("AP50", nothing if math.isnan(score.mean) else shown)
    if outcome.scored or source.truth_name:
        objects = sum(int((~truth.ignored).sum()) for _, truth in outcome.scored)
        used = f"{objects} objects in {len(outcome.scored)} of {len(results)} frames"
        table.add_row("ground truth", used)
        for remark in truth_remarks(source, kernel.detector.class_names):
            notice(f"{source.truth_name}: {remark}")
    console.print(table)
