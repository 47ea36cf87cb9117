"""``approx-perception profile``: learn on this machine what branches cost and are worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from approx_perception.cli._console import console, progress_bar
from approx_perception.cli._evaluation import kernel_of
from approx_perception.cli._verb import verb
from approx_perception.exceptions import counted
from approx_perception.files import claimed

if TYPE_CHECKING:
    from approx_perception.profiling.profiler import Profiler

__all__ = ["profile"]


@verb
def profile(
    out: Path, sources: list[str] | None, ground_truth: list[str] | None, class_map: Path | None,
    frames: int | None, max_image_px: int, rounds: int, plan_only: bool, overwrite: bool,
    **words: Any,
) -> None:  # fmt: skip
    """Measure a space on this machine and fit the predictors that --profile of others takes.

    Latency of every part of the space, also while cores and memory are kept busy; switching;
    accuracy of every branch by content. Leave the machine alone meanwhile. Can be stopped at
    any time; the same command goes on. Data without ground truth give latency alone; of a camera
    some images are taken first. Leaves
    NAME.json and NAME.npz (the predictors) and NAME.records.json and .npz (what was measured).
    """
    from approx_perception.assembly.tasks import task_of
    from approx_perception.datasets.cameras.remembered import remembered
    from approx_perception.evaluation.sources import sources_of
    from approx_perception.profiling.learners.by_task import learner_of
    from approx_perception.profiling.session import ProfileData, ProfileSession, check_target

    with claimed(out) as place:
        check_target(place, overwrite)
        options = kernel_of(words)
        names = sources or learner_of(options.task).default_sources
        chosen = sources_of(names, None, ground_truth, frames, 0, class_map, max_image_px)
        data = ProfileData(
            {each.public_name: remembered(each.open(), frames) for each in chosen}, frames,
            ground_truth or (), chosen[0].class_map,
        )  # fmt: skip
        family = task_of(options).family(options)
        with console.status(f"loading {family}, preheating, and trying every part"):
            session = ProfileSession.prepare(place, options, data, rounds, _tell)
            seconds = session.estimate_seconds()
        _show_plan(session.profiler, seconds)
        if plan_only:
            return
        with progress_bar() as bar:
            task = bar.add_task("profiling", total=session.profiler.unit_count)
            told = session.measure(
                lambda message, done: bar.update(task, description=message, advance=done)
            )
    if told:
        console.print(told, soft_wrap=True)
    console.print(f"the profile is in {out}; give it to run, demo and the node as --profile")


def _tell(text: str) -> None:
    console.print(text, soft_wrap=True)


def _show_plan(profiler: Profiler, seconds: Mapping[str, float]) -> None:
    """Say what will be done and how long all of it will take."""
    plan = profiler.plan
    frames = f"{counted(plan.frames, 'frame')} of {counted(len(profiler.sources), 'source')}"
    work = {
        "latency": f"{counted(plan.rounds, 'round')}: {', '.join(map(str, plan.levels))}",
        "switching": f"{counted(plan.tours, 'tour')} of all pairs",
        "accuracy": f"{counted(len(profiler.kernel.space), 'branch')}, {frames}",
    }
    table = Table(
        "stage", "work", "about", title=f"profile of space {profiler.kernel.space.name!r}"
    )
    for stage, text in work.items():
        table.add_row(stage, text, f"{seconds[stage]:.0f} s")
    console.print(table)
    console.print(f"about {sum(seconds.values()) / 60:.1f} minutes, without what is done already")
