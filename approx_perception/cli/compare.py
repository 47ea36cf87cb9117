"""``approx-perception compare``: several systems over the same frames."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from approx_perception.cli._console import console
from approx_perception.cli._evaluation import (
    command_and_date,
    failures_of,
    kernel_of,
    run_with_progress,
    show_truth,
    show_verdicts,
    show_warnings,
    sources_of,
    tell_malformed,
)
from approx_perception.cli._verb import verb
from approx_perception.evaluation.scenario import Scenario
from approx_perception.exceptions import ConfigurationError, choices
from approx_perception.files import replace_text
from approx_perception.interface.systems import ALIASES, WITH_BRANCH
from approx_perception.reports.output_folder import fresh_folder

if TYPE_CHECKING:
    from approx_perception.evaluation.systems import SystemSpec

__all__ = ["compare"]


@verb
def compare(
    sources: list[str], policy: list[str], out: Path, ground_truth: list[str] | None,
    class_map: Path | None, branch: list[str] | None, topic: list[str] | None, frames: int | None,
    seed: int, max_image_px: int, scenario: Path | None, latency_trace: Path | None, repeats: int,
    overwrite: bool, **words: Any,
) -> None:  # fmt: skip
    """Run several systems over the same frames, in turns frame by frame, and compare them.

    Leaves table.md, result.json and a record of each run for report. Intervals are of 95 %, by
    bootstrap over sources and blocks of 32 frames, with the repetitions of a block together; a
    lead is judged on the same blocks for both.
    """
    from approx_perception.evaluation.batch import FINISHED, jobs_of, load_outcomes
    from approx_perception.evaluation.result import comparison_table, malformed_in, result_of
    from approx_perception.evaluation.systems import SystemSpec

    options = kernel_of({**words, "branch": branch[0] if branch else ""})
    specs = [SystemSpec.read(text, options) for text in _with_branches(policy, branch or [])]
    _tell_twins(specs)
    conditions = Scenario.from_yaml(scenario) if scenario else Scenario()
    chosen = sources_of(sources, topic, ground_truth, frames, seed, class_map, max_image_px)
    with fresh_folder(out, overwrite) as folder:
        outcomes = []
        for turn in range(repeats):
            place = folder if repeats == 1 else folder / f"repeat{turn + 1}"
            jobs = jobs_of(specs, chosen, conditions, latency_trace, place, export=False)
            outcomes += run_with_progress(jobs, 1, None)
        by_system = load_outcomes(outcomes)
        failures = failures_of(outcomes, by_system)
        for name, records in by_system.items():
            tell_malformed(malformed_in(records), f"the network of {name}")
        result = result_of(by_system, conditions.limits, failures) | {"made": command_and_date()}
        table = comparison_table(by_system, result)
        replace_text(folder / "table.md", table)
        replace_text(folder / "result.json", json.dumps(result, indent=1) + "\n")
        for finished in list(folder.rglob(FINISHED)):
            shutil.rmtree(finished)
    show_verdicts(result["systems"])
    print(f"\n{table}")
    told = []
    for own in result["systems"].values():
        if own["truth"] not in told:
            told.append(own["truth"])
            show_truth(own["truth"])
    show_warnings(result["warnings"])
    console.print(f"results are in {out}; see them with approx-perception report {out}")
    if failures:
        raise typer.Exit(1)


def _tell_twins(specs: Sequence[SystemSpec]) -> None:
    """Note systems that differ by name alone; they tell how much runs differ."""
    known: list[SystemSpec] = []
    for spec in specs:
        twin = next((o for o in known if (o.kind, o.options) == (spec.kind, spec.options)), None)
        # Two of one name are refused.
        if twin is not None and twin.name != spec.name:
            console.print(
                f"[yellow]note:[/yellow] {escape(twin.name)} and {escape(spec.name)} are the same "
                "system", soft_wrap=True,
            )  # fmt: skip
        known.append(spec)


def _with_branches(systems: Sequence[str], branches: Sequence[str]) -> list[str]:
    """Names of systems; those that take a branch once with each of several."""
    if len(branches) < 2:
        return list(systems)
    if not any(ALIASES.get(name, name) in WITH_BRANCH for name in systems):
        raise ConfigurationError(
            f"{len(branches)} branches are given, but no policy takes several: add --policy "
            f"{choices(WITH_BRANCH)}"
        )
    return [
        text
        for name in systems
        for text in (
            [f"{name}:{b}" for b in branches] if ALIASES.get(name, name) in WITH_BRANCH else [name]
        )
    ]
