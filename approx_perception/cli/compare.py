"""``approx-perception compare``: several systems over the same frames."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from approx_perception.cli._evaluation import (
    FramesOption,
    MapOption,
    ScenarioOption,
    SlaOption,
    SourcesArgument,
    TopicsOption,
    TraceOption,
    TruthOption,
    command_and_date,
    failures_of,
    run_with_progress,
    show_truth,
    show_verdicts,
    show_warnings,
    sources_of,
)
from approx_perception.cli._options import (
    AgnosticOption,
    ClassNamesOption,
    DetectorOption,
    DeviceOption,
    MaxImageOption,
    OutOption,
    OverwriteOption,
    PrecisionOption,
    ProfileOption,
    QuantileOption,
    ScopeOption,
    SeedOption,
    SpaceOption,
    ThreadsOption,
    ThresholdOption,
    WeightsOption,
    console,
    one_sentence_errors,
    sla_from,
    tell_malformed,
    tell_note,
)
from approx_perception.datasets.image_header import MAX_IMAGE_PX
from approx_perception.evaluation.scenario import Scenario
from approx_perception.exceptions import ConfigurationError, choices
from approx_perception.files import replace_text
from approx_perception.interface import help_of
from approx_perception.interface.systems import SYSTEMS, WITH_BRANCH
from approx_perception.reports.output_folder import fresh_folder
from approx_perception.structures.thresholds import CLASS_AGNOSTIC_IOU, TRACKED_SCORE

if TYPE_CHECKING:
    from approx_perception.evaluation.systems import SystemSpec

__all__ = ["compare"]


@one_sentence_errors
def compare(
    sources: SourcesArgument,
    systems: Annotated[
        list[str],
        typer.Option(
            "--system",
            "-s",
            help=f"Repeat for each: one of {', '.join(SYSTEMS)}, one with its branch "
            "(fixed:shape=448,si=4), or a YAML file. The others are compared with the first one.",
        ),
    ],
    out: OutOption = Path("out/compare"),
    ground_truth: TruthOption = None,
    detector: DetectorOption = "faster_rcnn",
    weights: WeightsOption = "",
    class_names: ClassNamesOption = None,
    class_map: MapOption = None,
    space: SpaceOption = "",
    branch: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{help_of('branch')} Given several times, the systems that take a branch run "
            "once with each.",
            show_default=False,
        ),
    ] = None,
    sla_ms: SlaOption = 100.0,
    sla_quantile: QuantileOption = 0.95,
    sla_scope: ScopeOption = "frame",
    score_threshold: ThresholdOption = TRACKED_SCORE,
    class_agnostic_iou: AgnosticOption = CLASS_AGNOSTIC_IOU,
    topic: TopicsOption = None,
    frames: FramesOption = None,
    seed: SeedOption = 0,
    max_image_px: MaxImageOption = MAX_IMAGE_PX,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = 0,
    profile: ProfileOption = None,
    scenario: ScenarioOption = None,
    latency_trace: TraceOption = None,
    repeats: Annotated[int, typer.Option(min=1, help="Times that all sources are run.")] = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """Run several systems over the same frames, in turns frame by frame, and compare them.

    Leaves table.md, result.json and a record of each run for report. Intervals are of 95 %, by
    bootstrap over sources and blocks of 32 frames, with the repetitions of a block together; a
    lead is judged on the same blocks for both.
    """
    from approx_perception.assembly import KernelOptions
    from approx_perception.evaluation.batch import FINISHED, jobs_of, load_outcomes
    from approx_perception.evaluation.result import comparison_table, malformed_in, result_of
    from approx_perception.evaluation.systems import SystemSpec

    options = KernelOptions(
        detector, weights, class_names, device, precision, threads, space,
        branch=branch[0] if branch else "", sla=sla_from(sla_ms, sla_quantile, sla_scope),
        score_threshold=score_threshold, class_agnostic_iou=class_agnostic_iou, profile=profile,
    )  # fmt: skip
    specs = [SystemSpec.read(text, options) for text in _with_branches(systems, branch or [])]
    tell_note(options)
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
    if not any(name in WITH_BRANCH for name in systems):
        raise ConfigurationError(
            f"{len(branches)} branches are given, but no system takes several: add -s "
            f"{choices(WITH_BRANCH)}"
        )
    return [
        text
        for name in systems
        for text in ([f"{name}:{b}" for b in branches] if name in WITH_BRANCH else [name])
    ]
