"""Detections in turn with the frames or beside them: accuracy, latency, age, drops at equal SLA.

    python benchmarks/pipelined.py --data DATA --weights yolox_nano_dyn.onnx --out docs/pipelined

The real sequences in DATA are played at 30 and 60 Hz, faster than they were filmed, on a machine
whose latencies are recorded; each with a profile of the others. A camera drops what comes too soon.
Beside the scheduler in each execution stands the best fixed branch of each, known afterwards.
``--heavier`` makes the detector so many times as slow, as a larger network would be.
``--slowdown`` is what detector and tracker cost each other; ``--measure`` tells it here.
Writes table.md and figures.json.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from mixed_world import Fold, World
from out_of_sample import REAL, unseen
from recorded_world import load
from unseen_scenes import CONDITIONS
from unseen_systems import ALLOWED, Unseen

from approx_perception.assembly import KernelOptions
from approx_perception.assembly.calibration import calibration_images
from approx_perception.clock import MonotonicClock
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.run_recorder import RunRecorder
from approx_perception.metrics.streaming import streamed
from approx_perception.pipeline.driver import Conditions, Driver, drive
from approx_perception.profiling.side_by_side import slowdowns_beside
from approx_perception.scheduling import Fixed, MostAccurate, Scheduler, SchedulingPolicy
from approx_perception.simulation.recorded_machine import SimulatedMachine
from approx_perception.simulation.simulated_stream import SimulatedPipelinedStream, SimulatedStream
from approx_perception.structures import SLA, ContentFeatures, LoadReading

RATES_HZ = (30.0, 60.0)
#: In ms; of a period of 33.3 and 16.7 ms.
SLAS = (8.0, 16.0, 33.0)
EXECUTIONS = ("sequential", "pipelined")
Figures = dict[str, float]


@dataclass(frozen=True)
class WithHeavierDetector:
    """A recorded machine on which detections take so many times as long."""

    machine: SimulatedMachine
    settings: int
    factor: float

    @property
    def overhead_ms(self) -> float:
        return self.machine.overhead_ms

    def part_ms(self, frame: int, content: ContentFeatures) -> np.ndarray:
        ms = self.machine.part_ms(frame, content)
        ms[: self.settings] *= self.factor
        return ms

    def reading(self, frame: int) -> LoadReading:
        return self.machine.reading(frame)


def heavier(fold: Fold, factor: float) -> Fold:
    """The same with a heavier network, which its profile knows."""
    world, bundle = fold.world, fold.bundle
    count = len(world.space.detector_settings)
    base = bundle.latency.base.copy()
    base[:count] *= factor
    return replace(
        fold,
        world=replace(world, machine=WithHeavierDetector(world.machine, count, factor)),
        bundle=replace(bundle, latency=replace(bundle.latency, base=base)),
    )


def filmed_at(world: World, hz: float, count: int | None = None) -> World:
    """The same frames from a camera of that rate, or so many of them."""
    frames = [
        replace(entry, frame=replace(entry.frame, sequence=i, stamp_ns=round(i * 1e9 / hz)))
        for i, entry in enumerate(world.frames[:count])
    ]
    return replace(world, frames=frames)


def run(
    fold: Fold, execution: str, policy: SchedulingPolicy, sla: SLA, slowdown: float
) -> RunRecord:
    """One system on the recorded machine."""
    world, bundle = fold.world, fold.bundle
    space = world.space if execution == "sequential" else world.space.beside
    latency = AdaptiveLatency(space, bundle.latency, DetectionCosts(space))
    scheduler = Scheduler(space, policy, latency, bundle.accuracy)
    given = (world.kernel, scheduler, sla, world.machine)
    stream = (
        SimulatedStream(*given)
        if execution == "sequential"
        else SimulatedPipelinedStream(*given, slowdown)
    )
    recorder = RunRecorder({"system": execution, "has_time": True}, world.class_map)
    drive(world.frames, [Driver(stream, Conditions({0: sla}, {}, camera=True), [recorder])])
    return recorder.finish()


def figures_of(record: RunRecord) -> Figures:
    """What is independent of the SLA, and the latencies that it judges."""
    scoring, classes = record.scoring, len(record.class_names)
    ages = (record.processed("published_ns") - record.processed("stamp_ns")) / 1e6
    found = record.processed("beside_age_ms")
    newest = [scoring.match(*pair) for pair in streamed(record)]
    return {
        "ap50": scoring.mean(record.matches(), classes),
        "sap50": scoring.mean(newest, classes),
        "p95_ms": float(np.percentile(record.processed("processing_ms"), 95)),
        "p95_age_ms": float(np.percentile(ages, 95)),
        "drops": 1 - len(ages) / len(record),
        "delay_ms": float(found[found > 0].mean()) if (found > 0).any() else 0.0,
    }


def late(record: RunRecord, sla_ms: float) -> float:
    return float((record.processed("processing_ms") > sla_ms).mean())


def best_fixed(fold: Fold, execution: str, slowdown: float) -> dict[float, Figures | None]:
    """Of each SLA, the branch that keeps it and has the highest sAP50."""
    best: dict[float, Figures | None] = dict.fromkeys(SLAS)
    space = fold.world.space
    can = space.beside.compiled.possible if execution == "pipelined" else [True] * len(space)
    for index, branch in enumerate(space):
        # The two down-samplings of a tracker differ little here.
        if not can[index] or branch.ds not in (None, 1):
            continue
        record = run(fold, execution, Fixed(branch), SLA(100.0), slowdown)
        figures = figures_of(record) | {"branch": str(branch)}
        for sla_ms, known in best.items():
            share = late(record, sla_ms)
            if share <= ALLOWED and (known is None or figures["sap50"] > known["sap50"]):
                best[sla_ms] = figures | {"late": share}
    return best


def rows_of(
    each: Unseen, condition: str, hz: float, slowdown: float, factor: float
) -> Iterator[dict]:
    """A row for each SLA."""
    fold = heavier(each.fold(condition), factor)
    # A fixed branch learns nothing from a repetition.
    once = replace(fold, world=filmed_at(fold.world, hz, len(each.scene.world.frames)))
    fixed = {execution: best_fixed(once, execution, slowdown) for execution in EXECUTIONS}
    fold = replace(fold, world=filmed_at(fold.world, hz))
    for sla_ms in SLAS:
        systems: dict[str, Figures | None] = {}
        for execution in EXECUTIONS:
            record = run(fold, execution, MostAccurate(), SLA(sla_ms), slowdown)
            systems[execution] = figures_of(record) | {"late": late(record, sla_ms)}
        for execution in EXECUTIONS:
            systems[f"best fixed {execution}"] = fixed[execution][sla_ms]
        yield {
            "scene": each.scene.spec.name, "condition": condition, "heavier": factor, "hz": hz,
            "sla_ms": sla_ms,
            "systems": systems,
        }  # fmt: skip


def table(rows: list[dict]) -> str:
    """Markdown."""
    names = list(rows[0]["systems"])
    lines = [
        "sAP50 / AP50, late frames; P95 of processing and of age when out, in ms; dropped.", "",
        f"| scene | machine | detector | Hz | SLA | {' | '.join(names)} |",
        "|---|---|---|---|---|" + "---|" * len(names),
    ]  # fmt: skip
    for row in rows:
        cells = [
            "none keeps it" if own is None else
            f"{own['sap50']:.3f} / {own['ap50']:.3f}, {own['late']:.1%}; {own['p95_ms']:.1f}, "
            f"{own['p95_age_ms']:.1f}; {own['drops']:.1%}"
            for own in row["systems"].values()
        ]  # fmt: skip
        lines.append(
            f"| {row['scene']} | {row['condition']} | x {row['heavier']:g} | {row['hz']:g} | "
            f"{row['sla_ms']:g} | "
            f"{' | '.join(cells)} |"
        )
    return "\n".join([*lines, "", reading(rows)]) + "\n"


def reading(rows: list[dict]) -> str:
    """Means over scenes and machines, for each rate and SLA."""
    lines = [
        "Means over scenes: sAP50 / AP50, late frames.", "",
        "| detector | Hz | SLA | sequential | pipelined | sAP50 of pipelined is higher in |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for setting in sorted({(row["heavier"], row["hz"], row["sla_ms"]) for row in rows}):
        own = [r["systems"] for r in rows if (r["heavier"], r["hz"], r["sla_ms"]) == setting]
        cells = [
            " / ".join(f"{np.mean([r[name][key] for r in own]):.3f}" for key in ("sap50", "ap50"))
            + f", {np.mean([r[name]['late'] for r in own]):.1%}"
            for name in EXECUTIONS
        ]
        wins = sum(r["pipelined"]["sap50"] > r["sequential"]["sap50"] for r in own)
        factor, hz, sla_ms = setting
        lines.append(
            f"| x {factor:g} | {hz:g} | {sla_ms:g} | {' | '.join(cells)} | {wins} of {len(own)} |"
        )
    return "\n".join(lines)


def measured_slowdown(options: KernelOptions) -> dict[str, float]:
    """What each part takes side by side, to alone."""
    network = load(options)
    kernel = DetectionKernel(network.detector, network.space)
    log_ratios = slowdowns_beside(kernel, calibration_images((640, 480)), MonotonicClock())
    names = [part.name for part in network.space.compiled.parts]
    return dict(zip(names, np.exp(log_ratios).round(2).tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the real sequences")
    parser.add_argument("--weights", required=True, help="of YOLOX")
    parser.add_argument("--condition", choices=tuple(CONDITIONS), help="only this one")
    parser.add_argument("--scene", help="only this one")
    parser.add_argument("--slowdown", type=float, default=1.2)
    parser.add_argument("--heavier", type=float, action="append", help="may be repeated")
    parser.add_argument("--measure", action="store_true", help="the slowdown, and stop")
    parser.add_argument("--cache", type=Path, default=Path("out/out_of_sample"))
    parser.add_argument("--out", type=Path, default=Path("out/pipelined"))
    arguments = parser.parse_args()
    options = KernelOptions(detector="yolox", weights=arguments.weights)
    if arguments.measure:
        print(json.dumps(measured_slowdown(options), indent=1))
        return
    specs = [replace(spec, source=str(arguments.data / spec.source)) for spec in REAL]
    rows: list[dict] = []
    arguments.out.mkdir(parents=True, exist_ok=True)
    for each in unseen(specs, options, arguments.cache / "real", None):
        if arguments.scene not in (None, each.scene.spec.name):
            continue
        for condition, factor, hz in product(CONDITIONS, arguments.heavier or [1.0], RATES_HZ):
            if arguments.condition not in (None, condition):
                continue
            rows += rows_of(each, condition, hz, arguments.slowdown, factor)
            print(f"{each.scene.spec.name}, {condition}, {hz:g} Hz", file=sys.stderr)
            text = json.dumps(rows, indent=1) + "\n"
            (arguments.out / "figures.json").write_text(text, encoding="utf-8")
            (arguments.out / "table.md").write_text(table(rows), encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
