"""``approx-perception evaluate``: any source, any system, all figures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from approx_perception.cli._evaluation import (
    FramesOption,
    MapOption,
    ProcessesOption,
    RayOption,
    ScenarioOption,
    SlaOption,
    SourcesArgument,
    TopicsOption,
    TraceOption,
    TruthOption,
    command_and_date,
    failures_of,
    run_with_progress,
    show_failures,
    show_truth,
    show_verdicts,
    show_warnings,
    sources_of,
)
from approx_perception.cli._options import (
    AgnosticOption,
    BranchOption,
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
from approx_perception.files import replace_text
from approx_perception.interface.systems import SYSTEMS
from approx_perception.metrics.figures import FIGURES
from approx_perception.reports.output_folder import fresh_folder
from approx_perception.structures.thresholds import CLASS_AGNOSTIC_IOU, TRACKED_SCORE

__all__ = ["evaluate"]

#: Exit code where everything ran and a limit was not kept.
LIMIT_EXIT_CODE = 3


@one_sentence_errors
def evaluate(
    sources: SourcesArgument,
    out: OutOption = Path("out/evaluate"),
    ground_truth: TruthOption = None,
    system: Annotated[
        str, typer.Option(help=f"One of {', '.join(SYSTEMS)}, or a YAML file that describes one.")
    ] = "ours",
    detector: DetectorOption = "faster_rcnn",
    weights: WeightsOption = "",
    class_names: ClassNamesOption = None,
    class_map: MapOption = None,
    space: SpaceOption = "",
    branch: BranchOption = "",
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
    camera: Annotated[
        bool, typer.Option(help="Frames come in real time: those that come too soon are dropped.")
    ] = False,
    latency_trace: TraceOption = None,
    live: Annotated[
        bool, typer.Option(help="Play the source over ROS through the real node.")
    ] = False,
    export: Annotated[
        bool, typer.Option(help="Also write MOT and COCO files and a bag of results.")
    ] = False,
    processes: ProcessesOption = 1,
    ray: RayOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            help="Go on with an interrupted run of the same command: sources that are "
            "done are not run again."
        ),
    ] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Run a system over sources and judge accuracy, identities, latency and adaptation.

    Says first whether the SLA was kept. Leaves result.json with every figure, its configuration,
    versions and hashes of the data, and a record of each run for report. Exit code 0 if all limits
    of the scenario are kept, 3 if not, 1 if a source could not be run, or no object of the ground
    truth that was named was used.
    """
    from approx_perception.assembly import KernelOptions
    from approx_perception.evaluation.batch import FINISHED, jobs_of, load_outcomes
    from approx_perception.evaluation.result import malformed_in, result_of
    from approx_perception.evaluation.systems import SystemSpec

    options = KernelOptions(
        detector, weights, class_names, device, precision, threads, space,
        branch=branch, sla=sla_from(sla_ms, sla_quantile, sla_scope),
        score_threshold=score_threshold, class_agnostic_iou=class_agnostic_iou, profile=profile,
    )  # fmt: skip
    spec = SystemSpec.read(system, options)
    tell_note(options)
    conditions = Scenario.from_yaml(scenario) if scenario else Scenario()
    conditions = replace(conditions, camera=conditions.camera or camera)
    chosen = sources_of(sources, topic, ground_truth, frames, seed, class_map, max_image_px)
    with fresh_folder(out, overwrite, resume) as folder:
        if live:
            from approx_perception.cli._live import run_live

            outcomes = run_live(spec, chosen, conditions, folder)
            show_failures(outcomes)
        else:
            jobs = jobs_of([spec], chosen, conditions, latency_trace, folder, export)
            outcomes = run_with_progress(jobs, processes, ray)
        by_system = load_outcomes(outcomes)
        failures = failures_of(outcomes, by_system)
        for name, records in by_system.items():
            tell_malformed(malformed_in(records), f"the network of {name}")
        result = result_of(by_system, conditions.limits, failures) | {"made": command_and_date()}
        replace_text(folder / "result.json", json.dumps(result, indent=1) + "\n")
        shutil.rmtree(folder / FINISHED, ignore_errors=True)
    own = result["systems"][spec.name]
    show_verdicts(result["systems"])
    _show_figures(spec.name, own)
    show_truth(own["truth"])
    show_warnings(result["warnings"])
    console.print(f"results are in {out}; see them with approx-perception report {out}")
    if failures:
        raise typer.Exit(1)
    if not all(own["limits"].values()):
        raise typer.Exit(LIMIT_EXIT_CODE)


def _show_figures(name: str, result: dict[str, Any]) -> None:
    table = Table("figure", "", "what", title=name)
    for figure, value in result["figures"].items():
        if value is not None:
            table.add_row(figure, f"{value:.4g}", FIGURES[figure])
    console.print(table)
    for limit, kept in result["limits"].items():
        console.print(f"{'[green]kept[/green]' if kept else '[red]broken[/red]'}: {limit}")
