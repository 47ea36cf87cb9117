"""What run, evaluate and compare share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from approx_perception.cli._console import console, progress_bar, show_verdict
from approx_perception.datasets.class_map import ClassTable, read_class_map
from approx_perception.exceptions import ConfigurationError
from approx_perception.metrics.identity import missing_library
from approx_perception.notices import notice

if TYPE_CHECKING:
    from approx_perception.assembly import KernelOptions
    from approx_perception.evaluation.batch import Job, Outcome
    from approx_perception.evaluation.sources import SourceOptions
    from approx_perception.metrics.run_record import RunRecord

__all__ = [
    "command_and_date",
    "failures_of",
    "kernel_of",
    "run_with_progress",
    "show_failures",
    "show_truth",
    "show_verdicts",
    "show_warnings",
    "sources_of",
    "tell_malformed",
]


def kernel_of(words: Mapping[str, Any]) -> KernelOptions:
    """Options of a kernel; says what was taken for what."""
    from approx_perception.assembly.options import kernel_options

    options = kernel_options(words)
    if options.note:
        notice(options.note)
    return options


def tell_malformed(count: int, network: str) -> None:
    """Warn of detections that were dropped."""
    if count:
        show_warnings(
            [
                f"{count} detections of {network} were dropped because they cannot be objects "
                "(not finite, without extent, far larger than the image, scores outside 0 to 1, "
                "unknown classes)"
            ]
        )


def sources_of(
    names: Sequence[str],
    topics: Sequence[str] | None,
    truths: Sequence[str] | None,
    frames: int | None,
    seed: int,
    class_map: Path | None,
    max_image_px: int,
) -> list[SourceOptions]:
    """One for each name and topic.

    Raises
    ------
    ConfigurationError
        If there is not one ground truth for each, or one for all.
    """
    from approx_perception.evaluation.sources import SourceOptions, with_own_labels

    if truths and len(truths) not in (1, len(names)):
        raise ConfigurationError(
            f"{len(names)} sources but {len(truths)} --ground-truth; give one for each, or one for "
            "all"
        )
    translations = read_class_map(class_map) if class_map else ClassTable()
    return with_own_labels([
        SourceOptions(
            name, topic, truths[min(index, len(truths) - 1)] if truths else None, frames, seed,
            translations, max_image_px=max_image_px,
        )
        for index, name in enumerate(names)
        for topic in (*(topics or ()),) or (None,)
    ])  # fmt: skip


def run_with_progress(jobs: Sequence[Job], processes: int, ray: str | None) -> list[Outcome]:
    """Run all jobs under a progress bar; failures are told."""
    from approx_perception.evaluation.batch import run_jobs

    with progress_bar() as progress:
        task = progress.add_task("sources", total=len(jobs))
        outcomes = run_jobs(jobs, processes, ray, lambda: progress.advance(task))
    show_failures(outcomes)
    return outcomes


def command_and_date() -> dict[str, str]:
    """How a result was made: the command to repeat it with, and when it ended."""
    command = shlex.join(["approx-perception", *sys.argv[1:]])
    return {"command": command, "date": datetime.now().astimezone().isoformat(" ", "seconds")}


def show_verdicts(systems: Mapping[str, Mapping[str, Any]]) -> None:
    """Print whether the SLA was kept and what that cost; with names where there are several."""
    for name, entry in systems.items():
        verdict, shown_name = entry["verdict"], name if len(systems) > 1 else ""
        for own in verdict["slas"]:
            show_verdict(own["text"], own["state"], shown_name)
        show_verdict(verdict["cost"], "", shown_name)


def show_truth(use: Mapping[str, Any]) -> None:
    """Tell how much of the ground truth was used, and why not all of it."""
    count = use["frames_with_truth"]
    if count or use["warnings"]:
        ignored = f", {use['objects_ignored']} ignored" if use["objects_ignored"] else ""
        console.print(
            f"ground truth: {use['objects']} objects in {count} of {use['frames']} frames{ignored}"
        )
    show_warnings(use["warnings"])


def show_warnings(texts: Sequence[str]) -> None:
    """Tell what to be careful of."""
    for text in texts:
        console.print(f"[yellow]warning:[/yellow] {escape(text)}", soft_wrap=True)


def failures_of(
    outcomes: Sequence[Outcome], by_system: Mapping[str, Sequence[RunRecord]]
) -> list[str]:
    """Sources that could not be run, and those of whose named truth nothing was used; told."""
    from approx_perception.metrics.truth_use import unused_truth

    records = (record for records in by_system.values() for record in records)
    unused = list(dict.fromkeys(unused_truth(records)))
    for error in unused:
        console.print(f"[red]failed:[/red] {escape(error)}", soft_wrap=True)
    return [*(error for _, error in outcomes if error), *unused]


def show_failures(outcomes: Sequence[Outcome]) -> None:
    """Tell what went wrong, and what will be left out; where all failed, the error says it."""
    if missing := missing_library():
        console.print(f"[yellow]note:[/yellow] {missing}")
    errors = [error for _, error in outcomes if error]
    for error in errors if len(errors) < len(outcomes) else ():
        console.print(f"[red]failed:[/red] {escape(error)}", soft_wrap=True)
