"""``approx-perception evaluate``: any source, any system, all figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from approx_perception.cli._console import console
from approx_perception.cli._evaluation import (
    command_and_date,
    kernel_of,
    require_ros,
    show_failures,
    show_truth,
    show_verdicts,
    show_warnings,
    sources_bar,
)
from approx_perception.cli._verb import verb
from approx_perception.evaluation.scenario import Scenario
from approx_perception.reports.output_folder import fresh_folder

__all__ = ["evaluate"]

#: Exit code where everything ran and a limit was not kept.
LIMIT_EXIT_CODE = 3


@verb
def evaluate(
    sources: list[str], out: Path, ground_truth: list[str] | None, policy: str | None,
    class_map: Path | None, topic: list[str] | None, frames: int | None, seed: int,
    max_image_px: int, scenario: Path | None, camera: bool, latency_trace: Path | None, live: bool,
    export: bool, processes: int, ray: str | None, resume: bool, overwrite: bool, **words: Any,
) -> None:  # fmt: skip
    """Run a system over sources and judge accuracy, identities, latency and adaptation.

    Says first whether the SLA was kept. Leaves result.json with every figure, its configuration,
    versions and hashes of the data, and a record of each run for report. Exit code 0 if all limits
    of the scenario are kept, 3 if not, 1 if a source could not be run, or no object of the ground
    truth that was named was used.
    """
    from approx_perception.evaluation.evaluate import conclude
    from approx_perception.evaluation.evaluate import evaluate as run_and_judge
    from approx_perception.evaluation.sources import refuse_cameras, sources_of
    from approx_perception.evaluation.system_spec import SystemSpec

    options = kernel_of(words)
    spec = SystemSpec.read(policy or options.policy, options)
    conditions = Scenario.from_yaml(scenario) if scenario else Scenario()
    conditions = replace(conditions, camera=conditions.camera or camera)
    chosen = sources_of(sources, topic, ground_truth, frames, seed, class_map, max_image_px)
    refuse_cameras(chosen)
    with fresh_folder(out, overwrite, resume) as folder:
        if live:
            require_ros("--live")
            from approx_perception.ros.live_evaluation import evaluate_live

            with console.status("starting") as status:
                outcomes = evaluate_live(spec, chosen, conditions, folder, status.update)
            evaluation = conclude(outcomes, conditions, folder, command_and_date())
        else:
            with sources_bar(len(chosen)) as advance:
                evaluation = run_and_judge(
                    [spec], chosen, conditions, folder, latency_trace, export, processes, ray,
                    made=command_and_date(), report=advance,
                )  # fmt: skip
    show_failures(evaluation)
    own = evaluation.result["systems"][spec.name]
    show_verdicts(evaluation.result["systems"])
    _show_figures(spec.name, own, evaluation.result["what_figures_are"])
    show_truth(own["truth"])
    show_warnings(evaluation.result["warnings"])
    console.print(f"results are in {out}; see them with approx-perception report {out}")
    if evaluation.failures:
        raise typer.Exit(1)
    if not evaluation.limits_kept:
        raise typer.Exit(LIMIT_EXIT_CODE)


def _show_figures(name: str, result: dict[str, Any], meanings: dict[str, str]) -> None:
    table = Table("figure", "", "what", title=name)
    for figure, value in result["figures"].items():
        if value is not None:
            table.add_row(figure, f"{value:.4g}", meanings[figure])
    console.print(table)
    for limit, kept in result["limits"].items():
        console.print(f"{'[green]kept[/green]' if kept else '[red]broken[/red]'}: {limit}")
