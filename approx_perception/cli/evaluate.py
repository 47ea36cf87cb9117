"""``approx-perception evaluate`` and ``compare``: any source, any system, all figures."""

import json
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from approx_perception.assembly import KernelOptions
from approx_perception.cli._options import (
    BranchOption,
    ClassNamesOption,
    DetectorOption,
    DeviceOption,
    OutOption,
    OverwriteOption,
    PrecisionOption,
    ProfileOption,
    QuantileOption,
    ScopeOption,
    SeedOption,
    SpaceOption,
    ThreadsOption,
    WeightsOption,
    console,
    milliseconds,
    one_sentence_errors,
    progress_bar,
    sla_from,
)
from approx_perception.datasets import SOURCE_HELP
from approx_perception.evaluation import read_class_map
from approx_perception.evaluation.figures import FIGURES, figures_of
from approx_perception.evaluation.intervals import Interval, ap50_intervals, quantile_interval
from approx_perception.evaluation.limits import Limit
from approx_perception.evaluation.run_record import RunRecord
from approx_perception.evaluation.scenario import Scenario
from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError
from approx_perception.files import replace_text
from approx_perception.profiling.records import ProfileRecords
from approx_perception.reports.exports import ResultFiles
from approx_perception.reports.output_folder import fresh_folder
from approx_perception.runs import SourceOptions, record_folder, run_systems
from approx_perception.systems import SYSTEMS, RecordedMachine, SystemSpec

__all__ = ["compare", "evaluate"]

#: Exit code where everything ran and a limit was not kept.
LIMIT_EXIT_CODE = 3

SourcesArgument = Annotated[list[str], typer.Argument(metavar="SOURCE...", help=SOURCE_HELP)]
TruthOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Ground truth of the sources in their order: COCO .json, MOTChallenge .txt, a folder "
        "of ImageNet VID .xml, or a topic of the bag. Default: what the source has.",
        show_default=False,
    ),
]
TopicsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--topic", help="Image topic of the bags; several are runs of their own.",
        show_default=False,
    ),
]  # fmt: skip
MapOption = Annotated[
    Path | None,
    typer.Option(
        help="YAML from the detector's class names to the data set's.", show_default=False
    ),
]
ScenarioOption = Annotated[
    Path | None,
    typer.Option(
        help="YAML with sla_steps, contention_steps, camera and limits.", show_default=False
    ),
]
TraceOption = Annotated[
    Path | None,
    typer.Option(
        help="NAME.records.json of a profile: latencies come from it and not from this machine, "
        "so that the run is the same everywhere.",
        show_default=False,
    ),
]
FramesOption = Annotated[
    int | None, typer.Option(min=1, help="Stop after so many of each.", show_default=False)
]
SlaOption = Annotated[
    float, typer.Option(help="Latency budget of a frame, in ms.", parser=milliseconds)
]
ThresholdOption = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Weaker detections are dropped.")
]
ProcessesOption = Annotated[
    int, typer.Option(min=1, max=64, help="Sources that run at the same time.")
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray", help="Address of a Ray cluster to spread sources over, or 'local'.",
        show_default=False,
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Job:
    """One source under all systems; plain, so that it can go to another process."""

    specs: tuple[SystemSpec, ...]
    source: SourceOptions
    scenario: Scenario
    trace: Path | None
    folder: Path
    export: bool


def _run_job(job: _Job) -> list[Path]:
    """Run and save; returns the records' folders."""
    machine = RecordedMachine(ProfileRecords.load(job.trace)) if job.trace else None
    with ResultFiles(job.folder, enabled=job.export) as files:
        records = run_systems(job.specs, job.source, job.scenario, machine, watch=files.write)
        folders = []
        for record in records:
            folder = record_folder(job.folder, record)
            folder.mkdir(parents=True, exist_ok=True)
            record.save(folder)
            files.finish(folder, record)
            folders.append(folder)
    return folders


def _attempt(job: _Job) -> tuple[list[Path], str]:
    """Run; a failure of one source is told and leaves the others alone."""
    try:
        return _run_job(job), ""
    except ApproxPerceptionError as error:
        return [], f"{job.source.name}: {error}"


def _run_all(jobs: Sequence[_Job], processes: int, ray: str | None) -> list[tuple[list[Path], str]]:
    with progress_bar() as progress:
        task = progress.add_task("sources", total=len(jobs))
        if ray is not None:
            from approx_perception.cli._ray import attempts_on_ray

            outcomes = attempts_on_ray(_attempt, jobs, ray)
        elif processes == 1:
            outcomes = map(_attempt, jobs)
        else:
            pool = ProcessPoolExecutor(min(processes, len(jobs)), get_context("spawn"))
            outcomes = pool.map(_attempt, jobs)
        results = []
        for outcome in outcomes:
            results.append(outcome)
            progress.advance(task)
    return results


def _sources(
    names: Sequence[str],
    topics: Sequence[str] | None,
    truths: Sequence[str] | None,
    frames: int | None,
    seed: int,
    class_map: Path | None,
) -> list[SourceOptions]:
    if truths and len(truths) not in (1, len(names)):
        raise ConfigurationError(
            f"{len(names)} sources but {len(truths)} --ground-truth; give one for each, or one for "
            "all"
        )
    translations = read_class_map(class_map) if class_map else {}
    return [
        SourceOptions(
            name, topic, truths[min(index, len(truths) - 1)] if truths else None, frames, seed,
            translations,
        )
        for index, name in enumerate(names)
        for topic in (*(topics or ()),) or (None,)
    ]  # fmt: skip


def _jobs(
    specs: Sequence[SystemSpec],
    sources: Sequence[SourceOptions],
    scenario: Scenario,
    trace: Path | None,
    folder: Path,
    export: bool,
) -> list[_Job]:
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"two systems have the same name: {', '.join(names)}")
    return [_Job(tuple(specs), source, scenario, trace, folder, export) for source in sources]


def _records(outcomes: Sequence[tuple[list[Path], str]]) -> dict[str, list[RunRecord]]:
    """Records by system, in the order of the sources; failures are told."""
    by_system: dict[str, list[RunRecord]] = {}
    for folders, error in outcomes:
        if error:
            console.print(f"[red]failed:[/red] {error}")
        for folder in folders:
            record = RunRecord.load(folder)
            by_system.setdefault(record.metadata["system"], []).append(record)
    if not by_system:
        raise ConfigurationError("no source could be run; see above")
    return by_system


def _plain(figures: dict[str, float]) -> dict[str, float | None]:
    """JSON knows no nan."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _system_result(records: Sequence[RunRecord], limits: Sequence[Limit]) -> dict[str, Any]:
    figures = figures_of(records)
    return {
        "figures": _plain(figures),
        "limits": {str(limit): limit.is_kept(figures) for limit in limits},
        "sources": {
            record.metadata["source_name"]: {
                "figures": _plain(figures_of([record])),
                "data_hash": record.metadata["data_hash"],
                "frames": len(record),
            }
            for record in records
        },
        "configuration": records[0].metadata["configuration"],
        "network": records[0].metadata["network"],
        "score_floor": records[0].metadata["score_floor"],
    }


def _result(
    by_system: dict[str, list[RunRecord]],
    limits: Sequence[Limit],
    failures: Sequence[str],
) -> dict[str, Any]:
    first = next(iter(by_system.values()))[0]
    return {
        "systems": {name: _system_result(rs, limits) for name, rs in by_system.items()},
        "failures": list(failures),
        **{key: first.metadata[key] for key in ("clock", "levels", "environment")},
        "what_figures_are": FIGURES,
    }


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
    score_threshold: ThresholdOption = 0.05,
    topic: TopicsOption = None,
    frames: FramesOption = None,
    seed: SeedOption = 0,
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
    overwrite: OverwriteOption = False,
) -> None:
    """Run a system over sources and judge accuracy, identities, latency and adaptation.

    Leaves result.json with every figure, its configuration, versions and hashes of the data, and a
    record of each run for report. Exit code 0 if all limits of the scenario are kept, 3 if not, 1
    if a source could not be run.
    """
    options = KernelOptions(
        detector, weights, class_names, device, precision, threads, space,
        branch=branch, sla=sla_from(sla_ms, sla_quantile, sla_scope),
        score_threshold=score_threshold, profile=profile,
    )  # fmt: skip
    spec = SystemSpec.read(system, options)
    conditions = Scenario.from_yaml(scenario) if scenario else Scenario()
    conditions = replace(conditions, camera=conditions.camera or camera)
    chosen = _sources(sources, topic, ground_truth, frames, seed, class_map)
    with fresh_folder(out, overwrite) as folder:
        if live:
            from approx_perception.cli._live import run_live

            outcomes = run_live(spec, chosen, conditions, folder)
        else:
            jobs = _jobs([spec], chosen, conditions, latency_trace, folder, export)
            outcomes = _run_all(jobs, processes, ray)
        by_system = _records(outcomes)
        failures = [error for _, error in outcomes if error]
        result = _result(by_system, conditions.limits, failures)
        replace_text(folder / "result.json", json.dumps(result, indent=1) + "\n")
    own = result["systems"][spec.name]
    _show_figures(spec.name, own)
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


@one_sentence_errors
def compare(
    sources: SourcesArgument,
    systems: Annotated[
        list[str],
        typer.Option(
            "--system",
            "-s",
            help=f"Repeat for each: one of {', '.join(SYSTEMS)}, or a YAML file. The first one is "
            "what the others are compared with.",
        ),
    ],
    out: OutOption = Path("out/compare"),
    ground_truth: TruthOption = None,
    detector: DetectorOption = "faster_rcnn",
    weights: WeightsOption = "",
    class_names: ClassNamesOption = None,
    class_map: MapOption = None,
    space: SpaceOption = "",
    branch: BranchOption = "",
    sla_ms: SlaOption = 100.0,
    sla_quantile: QuantileOption = 0.95,
    sla_scope: ScopeOption = "frame",
    score_threshold: ThresholdOption = 0.05,
    topic: TopicsOption = None,
    frames: FramesOption = None,
    seed: SeedOption = 0,
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
    bootstrap over blocks of frames; a lead is judged on the same blocks for both.
    """
    options = KernelOptions(
        detector, weights, class_names, device, precision, threads, space,
        branch=branch, sla=sla_from(sla_ms, sla_quantile, sla_scope),
        score_threshold=score_threshold, profile=profile,
    )  # fmt: skip
    specs = [SystemSpec.read(text, options) for text in systems]
    conditions = Scenario.from_yaml(scenario) if scenario else Scenario()
    chosen = _sources(sources, topic, ground_truth, frames, seed, class_map)
    with fresh_folder(out, overwrite) as folder:
        outcomes = []
        for turn in range(repeats):
            place = folder if repeats == 1 else folder / f"repeat{turn + 1}"
            jobs = _jobs(specs, chosen, conditions, latency_trace, place, export=False)
            outcomes += _run_all(jobs, 1, None)
        by_system = _records(outcomes)
        failures = [error for _, error in outcomes if error]
        result = _result(by_system, conditions.limits, failures)
        table = _comparison(by_system, result)
        replace_text(folder / "table.md", table)
        replace_text(folder / "result.json", json.dumps(result, indent=1) + "\n")
    print(table)
    console.print(f"results are in {out}; see them with approx-perception report {out}")
    if failures:
        raise typer.Exit(1)


def _comparison(by_system: dict[str, list[RunRecord]], result: dict[str, Any]) -> str:
    """Build a Markdown table with intervals; what it shows goes into the result too."""
    names = list(by_system)
    accuracy, leads = ap50_intervals([by_system[name] for name in names])
    lines = [
        f"| system | AP50 (95 %) | lead over {names[0]} | HOTA | over the SLA | mean | P95 (95 %) "
        "| switches |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, own, lead in zip(names, accuracy, leads, strict=True):
        entry = result["systems"][name]
        figures = entry["figures"]
        latencies = [record.processed("processing_ms") for record in by_system[name]]
        p95 = quantile_interval(np.concatenate(latencies), 0.95)
        entry["intervals"] = {
            "ap50": _plain_interval(own), "ap50_lead": _plain_interval(lead),
            "p95_processing_ms": _plain_interval(p95),
        }  # fmt: skip
        shown = f"{lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f})"
        cells = [
            name,
            f"{own.value:.3f} ({own.low:.3f} to {own.high:.3f})",
            "" if name == names[0] else shown,
            _shown(figures["hota"], ".3f"),
            _shown(figures["violation_share"], ".1%"),
            f"{figures['mean_processing_ms']:.1f} ms",
            f"{p95.value:.1f} ms ({p95.low:.1f} to {p95.high:.1f})",
            f"{figures['switches']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _plain_interval(interval: Interval) -> dict[str, float | None]:
    return _plain({"value": interval.value, "low": interval.low, "high": interval.high})


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
