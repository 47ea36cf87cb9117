"""Ours, ApproxDet's policy, every fixed branch and an oracle, on changing content and contention.

    python benchmarks/mixed_run.py --profile out/profile/default.json --out docs/adaptation/mixed

Latencies are recorded on this machine, at levels of contention that the profile does not have, and
replayed (approx_perception/evaluation/simulation.py); detections, trackers and schedulers are real.
Writes table.md, table.json and picture.png.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from recorded_world import UNSEEN_LEVELS, Network, load, record_trace, saved_detections
from rich.progress import track

from approx_perception.assembly import KernelOptions
from approx_perception.datasets import LabelledFrame, open_source
from approx_perception.evaluation import group_means_ms, violation_share
from approx_perception.evaluation.average_precision import FrameMatch, mean_ap50, pooled_ap50
from approx_perception.evaluation.replay import replay_branch
from approx_perception.evaluation.simulation import (
    LatencyTrace,
    SimulatedMachine,
    SimulatedWorld,
    branch_latency_ms,
    simulate,
)
from approx_perception.files import read_columns, write_columns
from approx_perception.predictors import AccuracyPredictor, AdaptiveLatency, ConstantAccuracy
from approx_perception.predictors.bundle import PredictorBundle
from approx_perception.profiling.profiler import scenes_of
from approx_perception.scheduling import MostAccurate, PolicyFactory, Scheduler
from approx_perception.structures import SLA, Detections, SlaScope

#: Longest si of the spaces: groups of the oracle are as long, so that all branches fit in.
GROUP = 8


@dataclass(frozen=True)
class Outcome:
    """What one system did on all frames."""

    name: str
    ap50: float
    violations: float
    mean_ms: float
    p95_ms: float
    switches: int


@dataclass(frozen=True)
class Setup:
    """Everything that systems are run on."""

    network: Network
    bundle: PredictorBundle
    world: SimulatedWorld
    matches: list[list[FrameMatch]]
    latencies: np.ndarray
    class_count: int

    def score(self, matches: Sequence[FrameMatch]) -> float:
        """AP50."""
        return mean_ap50(matches, self.class_count).mean


def measured(latencies: np.ndarray, starts: np.ndarray, sla: SLA) -> tuple[float, float, float]:
    """Violations, mean and P95 in the SLA's scope."""
    slas = np.full(len(latencies), sla.latency_ms)
    values = latencies if sla.scope is SlaScope.FRAME else group_means_ms(latencies, starts)
    over = violation_share(latencies, starts, slas, sla.scope)
    return over, float(latencies.mean()), float(np.percentile(values, 95))


def run_scheduler(
    setup: Setup, name: str, scheduler: Scheduler, sla: SLA, hears_load: bool = True
) -> Outcome:
    results = simulate(
        setup.world, scheduler, [sla] * len(setup.world.frames), hears_load=hears_load
    )
    latencies = np.array([r.timings.processing_ms for r in results])
    starts = np.array([r.decision.run_detector for r in results])
    matches = [setup.world.match(i, r.detections) for i, r in enumerate(results)]
    switches = sum(r.decision.switched for r in results)
    return Outcome(name, setup.score(matches), *measured(latencies, starts, sla), switches)


def ours(setup: Setup, **changes: object) -> Scheduler:
    """Our scheduler; changes take parts of it away."""
    space, bundle = setup.network.space, setup.bundle
    latency = AdaptiveLatency(
        space, bundle.latency,
        corrects_online=bool(changes.get("corrects_online", True)),
        calibrates_tail=bool(changes.get("calibrates_tail", True)),
    )  # fmt: skip
    accuracy: AccuracyPredictor = bundle.accuracy
    if not changes.get("content", True):
        accuracy = ConstantAccuracy(bundle.accuracy.agnostic)
    return Scheduler(space, MostAccurate(), latency, accuracy)


def original(setup: Setup) -> Scheduler:
    space, bundle = setup.network.space, setup.bundle
    factory = PolicyFactory(space, bundle.original, bundle.accuracy.agnostic)
    policy = factory.create("approxdet", space.default_branch)
    return Scheduler(
        space, policy, AdaptiveLatency(space, bundle.latency),
        ConstantAccuracy(bundle.accuracy.agnostic),
    )  # fmt: skip


ABLATIONS: dict[str, Callable[[Setup], tuple[Scheduler, bool]]] = {
    "ours": lambda s: (ours(s), True),
    "ours, load topics off": lambda s: (ours(s), False),
    "ours, content features off": lambda s: (ours(s, content=False), True),
    "ours, tail calibration off (1.3)": lambda s: (ours(s, calibrates_tail=False), True),
    "ours, online correction off": lambda s: (ours(s, corrects_online=False), True),
}


def best_fixed(setup: Setup, sla: SLA, at_each_level: bool) -> Outcome | None:
    """Most accurate branch that, run all the time, meets the SLA.

    Over the whole run a branch may be late in all of a contended phase and make up for it in quiet
    ones; ``at_each_level`` asks for the SLA under each level of contention.
    """
    name = "best fixed, SLA met at each level" if at_each_level else "best fixed, SLA met in all"
    outcomes = []
    levels = setup.world.machine.levels
    for index, branch in enumerate(setup.network.space):
        starts = np.arange(len(levels)) % branch.si == 0
        latencies = setup.latencies[index]
        over, mean_ms, p95_ms = measured(latencies, starts, sla)
        worst = over
        if at_each_level:
            parts = [levels == level for level in np.unique(levels)]
            worst = max(measured(latencies[part], starts[part], sla)[0] for part in parts)
        if worst <= 1 - sla.quantile:
            ap50 = setup.score(setup.matches[index])
            label = f"{name}: `{branch}`"
            outcomes.append(Outcome(label, ap50, over, mean_ms, p95_ms, 0))
    return max(outcomes, key=lambda outcome: outcome.ap50, default=None)


def oracle(setup: Setup, sla: SLA) -> Outcome:
    """Group by group, in hindsight, the best of the branches whose latency was inside the SLA."""
    count = len(setup.world.frames)
    overall = np.array([setup.score(matches) for matches in setup.matches])
    matches: list[FrameMatch] = []
    latencies, starts, chosen = np.zeros(count), np.zeros(count, bool), []
    for start in range(0, count, GROUP):
        part = slice(start, min(start + GROUP, count))
        own = setup.latencies[:, part]
        worst = own.mean(axis=1) if sla.scope is SlaScope.GOF else own.max(axis=1)
        ap50 = np.array([pooled_ap50(m[part]) for m in setup.matches])
        value = np.nan_to_num(ap50, nan=0.0) + 1e-3 * overall
        value = np.where(worst <= sla.latency_ms, value, -worst)
        best = int(value.argmax())
        chosen.append(best)
        matches += setup.matches[best][part]
        latencies[part] = own[best]
        starts[part] = np.arange(part.stop - start) % setup.network.space[best].si == 0
    switches = int((np.diff(chosen) != 0).sum())
    return Outcome("oracle", setup.score(matches), *measured(latencies, starts, sla), switches)


def same_size_parts(frames: Sequence[LabelledFrame]) -> list[slice]:
    """Runs of frames of one image size; each must be a multiple of `GROUP` but the last."""
    sizes = [entry.frame.image.shape for entry in frames]
    starts = [i for i in range(len(sizes)) if i == 0 or sizes[i] != sizes[i - 1]]
    if any(start % GROUP for start in starts):
        raise SystemExit(f"sources of another size must begin at a multiple of {GROUP} frames")
    return [slice(a, b) for a, b in pairwise([*starts, len(sizes)])]


def branch_matches(
    world: SimulatedWorld, saved: Sequence[Sequence[Detections]], cache: Path
) -> list[list[FrameMatch]]:
    """What every branch would have published, judged; from a file if it is there."""
    names = ("scores", "class_ids", "hits", "truth_class_ids")
    if not cache.exists():
        columns = {}
        for index, branch in enumerate(track(list(world.space), "branches")):
            own = saved[world.space.detector_settings.index(branch.detector_settings)]
            published = [
                found
                for part in same_size_parts(world.frames)
                for found in replay_branch(branch, world.frames[part], own[part])
            ]
            found = [world.match(i, detections) for i, detections in enumerate(published)]
            for name in names:
                parts = [getattr(match, name) for match in found]
                columns[f"{name}{index}"] = np.concatenate(parts)
                columns[f"{name}{index}_ends"] = np.cumsum([len(part) for part in parts])[:-1]
        write_columns(cache, columns)
    columns = read_columns(cache)
    return [
        [
            FrameMatch(*row)
            for row in zip(
                *(np.split(columns[f"{n}{i}"], columns[f"{n}{i}_ends"]) for n in names),
                strict=True,
            )
        ]
        for i in range(len(world.space))
    ]


def prepare(
    network: Network,
    bundle: PredictorBundle,
    frames: list[LabelledFrame],
    truth_names: tuple[str, ...],
    trace: LatencyTrace,
    cache: Path,
    level_frames: int,
) -> Setup:
    space = network.space
    saved = saved_detections(network, frames, cache / "detections.npz")
    levels = np.arange(len(frames)) // level_frames % trace.level_count
    world = SimulatedWorld(
        frames,
        saved,
        SimulatedMachine(trace, space, levels),
        network.detector.class_names,
        truth_names,
    )
    matches = branch_matches(world, saved, cache / "matches.npz")
    latencies = [
        branch_latency_ms(
            world.machine, b, saved[space.detector_settings.index(b.detector_settings)]
        )
        for b in track(list(space), "latency of branches")
    ]
    return Setup(network, bundle, world, matches, np.array(latencies), len(truth_names))


def compare(setup: Setup, sla: SLA) -> list[Outcome]:
    outcomes = []
    for name, build in ABLATIONS.items():
        scheduler, hears = build(setup)
        outcomes.append(run_scheduler(setup, name, scheduler, sla, hears))
    outcomes.insert(1, run_scheduler(setup, "policy approxdet", original(setup), sla))
    references = [best_fixed(setup, sla, False), best_fixed(setup, sla, True), oracle(setup, sla)]
    outcomes[2:2] = [outcome for outcome in references if outcome is not None]
    return outcomes


def table(outcomes_by_sla: dict[str, list[Outcome]]) -> str:
    lines = []
    for sla, outcomes in outcomes_by_sla.items():
        lines += [
            f"\n**SLA {sla}**\n",
            "| system | AP50 | over the SLA | mean | P95 | switches |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {o.name} | {o.ap50:.3f} | {o.violations:.1%} | {o.mean_ms:.1f} ms | "
            f"{o.p95_ms:.1f} ms | {o.switches} |"
            for o in outcomes
        ]
    return "\n".join(lines) + "\n"


def draw(outcomes_by_sla: dict[str, list[Outcome]], path: Path, title: str) -> None:
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    shown = {
        "ours": "tab:blue", "policy approxdet": "tab:orange",
        "best fixed, SLA met in all": "tab:gray",
        "best fixed, SLA met at each level": "black", "oracle": "tab:green",
    }  # fmt: skip
    for system, colour in shown.items():
        points = [
            (float(sla.split(" ")[0]), o.ap50, o.violations)
            for sla, outcomes in outcomes_by_sla.items()
            for o in outcomes
            if o.name == system or o.name.startswith(f"{system}:")
        ]
        if points:
            x, y, over = zip(*points, strict=True)
            axes.plot(x, y, "o-", color=colour, label=system)
            for point in zip(x, y, over, strict=True):
                axes.annotate(
                    f"{point[2]:.0%}", point[:2], textcoords="offset points", xytext=(4, -11),
                    fontsize=7, color=colour,
                )  # fmt: skip
    axes.set_xlabel("SLA, ms (figures: share of frames over it)")
    axes.set_ylabel("AP50")
    axes.set_title(title)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--source", action="append", default=None, help="with ground truth")
    parser.add_argument("--frames", type=int, default=768, help="of each source")
    parser.add_argument("--skip", type=int, default=0, help="frames of each source to leave out")
    parser.add_argument(
        "--level-frames", type=int, default=72, help="frames for which a contention lasts"
    )
    parser.add_argument("--sla", type=float, action="append", default=None, help="in ms")
    parser.add_argument("--scope", default="frame", choices=("frame", "gof"))
    parser.add_argument("--cache", type=Path, default=Path("out/mixed_run"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    bundle = PredictorBundle.load(arguments.profile)
    network = load(
        KernelOptions(
            arguments.detector, arguments.weights, precision=str(bundle.metadata["precision"])
        )
    )
    names = arguments.source or ["synthetic:mixed:test:0"]
    sources = [open_source(name, frame_count=arguments.frames) for name in names]
    frames = [
        entry
        for source in sources
        for index, entry in enumerate(source)
        if arguments.skip <= index < arguments.frames and entry.ground_truth is not None
    ]
    scenes = scenes_of(sources, 3)
    trace, _ = record_trace(network, scenes, UNSEEN_LEVELS, arguments.cache / "trace.npz")
    setup = prepare(network, bundle, frames, sources[0].class_names, trace, arguments.cache,
        arguments.level_frames,
    )  # fmt: skip
    scope = SlaScope(arguments.scope)
    outcomes = {
        f"{latency_ms:g} ms, {scope.value}, 95 %": compare(setup, SLA(latency_ms, 0.95, scope))
        for latency_ms in track(arguments.sla or [25.0, 35.0, 60.0], "SLAs")
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = table(outcomes)
    (arguments.out / "table.md").write_text(text, encoding="utf-8")
    rows = {sla: [vars(o) for o in own] for sla, own in outcomes.items()}
    (arguments.out / "table.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    draw(outcomes, arguments.out / "picture.png", f"{arguments.detector}, {', '.join(names)}")
    print(text)


if __name__ == "__main__":
    main()
