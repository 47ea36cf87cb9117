"""``approx-perception compare``: several systems over the same frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from approx_perception.cli._console import console
from approx_perception.cli._evaluation import (
    command_and_date,
    kernel_of,
    show_failures,
    show_truth,
    show_verdicts,
    show_warnings,
    sources_bar,
)
from approx_perception.cli._verb import verb
from approx_perception.evaluation.scenario import Scenario
from approx_perception.notices import notice
from approx_perception.reports.output_folder import fresh_folder

if TYPE_CHECKING:
    from approx_perception.evaluation.system_spec import SystemSpec

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
    from approx_perception.evaluation.evaluate import evaluate
    from approx_perception.evaluation.sources import refuse_cameras, sources_of
    from approx_perception.evaluation.system_spec import SystemSpec, with_branches

    options = kernel_of({**words, "branch": branch[0] if branch else ""})
    specs = [SystemSpec.read(text, options) for text in with_branches(policy, branch or [])]
    _tell_twins(specs)
    conditions = Scenario.from_yaml(scenario) if scenario else Scenario()
    chosen = sources_of(sources, topic, ground_truth, frames, seed, class_map, max_image_px)
    refuse_cameras(chosen)
    with fresh_folder(out, overwrite) as folder, sources_bar(len(chosen) * repeats) as advance:
        evaluation = evaluate(
            specs, chosen, conditions, folder, latency_trace, repeats=repeats, compares=True,
            made=command_and_date(), report=advance,
        )  # fmt: skip
    show_failures(evaluation)
    result = evaluation.result
    show_verdicts(result["systems"])
    print(f"\n{evaluation.table}")
    told = []
    for own in result["systems"].values():
        if own["truth"] not in told:
            told.append(own["truth"])
            show_truth(own["truth"])
    show_warnings(result["warnings"])
    console.print(f"results are in {out}; see them with approx-perception report {out}")
    if evaluation.failures:
        raise typer.Exit(1)


def _tell_twins(specs: Sequence[SystemSpec]) -> None:
    """Note systems that differ by name alone; they tell how much runs differ."""
    known: list[SystemSpec] = []
    for spec in specs:
        twin = next((o for o in known if (o.kind, o.options) == (spec.kind, spec.options)), None)
        # Two of one name are refused.
        if twin is not None and twin.name != spec.name:
            notice(f"{twin.name} and {spec.name} are the same system")
        known.append(spec)
