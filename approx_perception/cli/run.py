"""``approx-perception run``: any source through the pipeline, offline."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from approx_perception.cli._console import console, progress_bar, show_verdict
from approx_perception.cli._evaluation import kernel_of, show_truth, tell_malformed
from approx_perception.cli._verb import verb
from approx_perception.exceptions import counted
from approx_perception.metrics.latency import summarize_latency
from approx_perception.metrics.verdict import accuracy_verdict, counts_of, percent_late, verdict_on
from approx_perception.reports.output_folder import fresh_folder

if TYPE_CHECKING:
    from approx_perception.evaluation.offline_run import OfflineRun

__all__ = ["run"]


@verb
def run(
    source: str, out: Path, topic: str | None, frames: int | None, seconds: float | None, seed: int,
    max_image_px: int, video: bool, overwrite: bool, **words: Any,
) -> None:  # fmt: skip
    """Run a source through the pipeline, every frame, and write what came out.

    Writes detections.txt (frame,id,x,y,w,h,score,class_name; frames from 1, px),
    unidentified.txt (the same of objects without an identity), frames.csv (branch, stages, SLA
    and image file of each frame) and config.yaml. A classifier writes classes.csv (likeliest
    classes of each image) in place of the first two. Where the source has ground truth, AP50 or
    top-1 is shown. A camera runs until Ctrl-C, --frames or --seconds.
    """
    from approx_perception.assembly.tasks import task_of
    from approx_perception.evaluation.offline_run import run_offline
    from approx_perception.evaluation.sources import SourceOptions
    from approx_perception.evaluation.system_spec import SystemSpec

    options = kernel_of(words)
    options = replace(options, only_branch=bool(options.branch))
    spec = SystemSpec(task_of(options).family(options), options.policy, options)
    chosen = SourceOptions(
        source, topic, frames=frames, seed=seed, max_image_px=max_image_px, seconds=seconds
    )
    with fresh_folder(out, overwrite) as folder, progress_bar() as bar:
        task = bar.add_task("starting", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, description=chosen.public_name, completed=done, total=total or None)

        def report(text: str) -> None:
            bar.update(task, description=text)

        ran = run_offline(spec, chosen, folder, video, report, advance)
    kernel = ran.network.kernel
    tell_malformed(kernel.malformed_count, kernel.description)
    _show(ran, options.policy == "fixed")
    console.print(f"results are in {out}")


def _show(ran: OfflineRun, is_fixed: bool) -> None:
    from approx_perception.metrics.truth_use import accuracy_words, truth_use

    record, network = ran.record, ran.network
    # One SLA holds for all of a run.
    (counts,) = counts_of([record])
    verdict = verdict_on(replace(counts, without_fit=0) if is_fixed else counts)
    show_verdict(verdict.text, verdict.state.value)
    value = record.scoring.mean(record.matches(), len(record.class_names))
    if own := accuracy_verdict([record], value):
        show_verdict(own.text, own.state.value)
    summary = summarize_latency(record.processed("processing_ms"))
    table = Table(
        "",
        network.kernel.description,
        title=f"{ran.source.name}: {counted(summary.count, 'frame')}",
    )
    if network.runtime_reason:
        # Folded, for it names a file.
        table.add_row("runtime", Text(network.runtime_reason, overflow="fold"))
    table.add_row(
        "processing",
        f"P50 {summary.p50_ms:.1f}, P95 {summary.p95_ms:.1f}, max {summary.max_ms:.1f} ms",
    )
    share = percent_late(counts.late / counts.counted, 1 - counts.sla.quantile)
    over = f"{share} of {counts.sla.scope.value}s"
    table.add_row("over the SLA", f"{over} (SLA {counts.sla.latency_ms:g} ms)")
    names = record.metadata["branches"]
    branches = Counter(names[position] for position in record.processed("branch").tolist())
    table.add_row(
        "branches", "\n".join(f"{count} x {name}" for name, count in branches.most_common(6))
    )
    use = truth_use([record])
    if use["frames_with_truth"]:
        words, tells = accuracy_words([record], value)
        if tells and (how := record.scoring.how(record)):
            words += f" ({how})"
        table.add_row("accuracy", words)
    console.print(table)
    show_truth(use)
