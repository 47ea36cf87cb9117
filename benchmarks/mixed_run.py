"""Ours, ApproxDet's policy, every fixed branch and an oracle, on changing content and contention.

    python benchmarks/mixed_run.py --profile out/profile/default.json --out docs/adaptation/mixed

Latencies are recorded on this machine, at levels of contention that the profile does not have, and
replayed (approx_perception/evaluation/simulation.py); detections, trackers and schedulers are real.
Writes table.md, table.json and picture.png.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from outcome_tables import OURS, Outcome, mean_outcomes, write
from recorded_world import UNSEEN_LEVELS, Network, load, record_trace, saved_detections
from rich.progress import track

from approx_perception.assembly import KernelOptions
from approx_perception.datasets import FrameSource, LabelledFrame, open_source
from approx_perception.datasets.view import View
from approx_perception.evaluation import ClassMap, group_means_ms, violation_share
from approx_perception.evaluation.average_precision import FrameMatch, mean_ap50
from approx_perception.evaluation.hindsight import BranchOutcomes, Choice, branch_latencies_ms
from approx_perception.evaluation.intervals import resampled_ap50
from approx_perception.evaluation.replay import match_all, replay_setting
from approx_perception.evaluation.simulation import (
    SimulatedMachine,
    SimulatedWorld,
    simulate,
)
from approx_perception.files import read_columns, write_columns
from approx_perception.predictors import (
    AccuracyPredictor,
    AdaptiveLatency,
    ConstantAccuracy,
    OrderedAccuracy,
)
from approx_perception.predictors.bundle import PredictorBundle
from approx_perception.profiling.profiler import scenes_of
from approx_perception.scheduling import MostAccurate, PolicyFactory, Scheduler
from approx_perception.structures import SLA, SlaScope

#: Steps of the simulated machine's seed between two starts.
_START_STEP = 7


@dataclass(frozen=True)
class Setup:
    """Everything that systems are run on."""

    network: Network
    bundle: PredictorBundle
    world: SimulatedWorld
    outcomes: BranchOutcomes
    #: ``(N,)`` frames that a bootstrap draws together: a group, and the same again in repetitions.
    blocks: np.ndarray


def judged(
    setup: Setup, name: str, sla: SLA,
    matches: Sequence[FrameMatch], latencies_ms: np.ndarray, detected: np.ndarray, switches: int,
) -> Outcome:  # fmt: skip
    """Accuracy, and latency in the SLA's scope."""
    classes = setup.outcomes.class_count
    slas = np.full(len(latencies_ms), sla.latency_ms)
    frames = sla.scope is SlaScope.FRAME
    values = latencies_ms if frames else group_means_ms(latencies_ms, detected)
    return Outcome(
        name,
        mean_ap50(matches, classes).mean,
        resampled_ap50(matches, classes, setup.blocks),
        violation_share(latencies_ms, detected, slas, sla.scope),
        float(latencies_ms.mean()),
        float(np.percentile(values, 95)),
        switches,
    )


def run_scheduler(
    setup: Setup, name: str, scheduler: Scheduler, sla: SLA, hears_load: bool = True
) -> Outcome:
    results = simulate(
        setup.world, scheduler, [sla] * len(setup.world.frames), hears_load=hears_load
    )
    return judged(
        setup, name, sla,
        [setup.world.match(i, r.detections) for i, r in enumerate(results)],
        np.array([r.timings.processing_ms for r in results]),
        np.array([r.decision.run_detector for r in results]),
        sum(r.decision.switched for r in results),
    )  # fmt: skip


def ours(setup: Setup, **changes: object) -> Scheduler:
    """Our scheduler; changes take parts of it away."""
    space, bundle = setup.network.space, setup.bundle
    latency = AdaptiveLatency(
        space, bundle.latency,
        corrects_online=bool(changes.get("corrects_online", True)),
        calibrates_tail=bool(changes.get("calibrates_tail", True)),
    )  # fmt: skip
    accuracy: AccuracyPredictor = OrderedAccuracy(bundle.accuracy, space)
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
    OURS: lambda s: (ours(s), True),
    "ours, load topics off": lambda s: (ours(s), False),
    "ours, content features off": lambda s: (ours(s, content=False), True),
    "ours, tail calibration off (1.3)": lambda s: (ours(s, calibrates_tail=False), True),
    "ours, online correction off": lambda s: (ours(s, corrects_online=False), True),
}


def in_hindsight(setup: Setup, name: str, choice: Choice, sla: SLA) -> Outcome:
    """Outcome of a choice that could be made only afterwards."""
    return judged(
        setup, name, sla,
        setup.outcomes.chosen(choice), setup.outcomes.latency_ms(choice), choice.detected,
        int((np.diff(choice.branches) != 0).sum()),
    )  # fmt: skip


def references(setup: Setup, sla: SLA) -> list[Outcome]:
    """Best fixed branches that meet the SLA, over the run and at each level, and the oracle."""
    slas = [sla] * len(setup.world.frames)
    outcomes = []
    for name, phases in (
        ("best fixed, SLA met in all", None),
        ("best fixed, SLA met at each level", setup.world.machine.levels),
    ):
        choice = setup.outcomes.best_fixed(slas, phases)
        if choice is not None:
            branch = setup.network.space[int(choice.branches[0])]
            outcomes.append(in_hindsight(setup, f"{name}: `{branch}`", choice, sla))
    return [*outcomes, in_hindsight(setup, "oracle", setup.outcomes.oracle(slas), sla)]


def read_frames(
    sources: Sequence[FrameSource], count: int, group_frames: int
) -> list[LabelledFrame]:
    """Labelled frames among the first ``count`` of each source, in whole groups.

    So can sources follow each other, and all be played again, with each branch as if by itself.
    """
    frames = []
    for source in sources:
        own = [e for e in islice(source, count) if e.ground_truth is not None]
        frames += own[: len(own) // group_frames * group_frames]
    return frames


def played(world: SimulatedWorld, times: int) -> SimulatedWorld:
    """All frames ``times`` over, one after the other in time."""
    first, second = (entry.frame.stamp_ns for entry in world.frames[:2])
    frames = [
        replace(entry, frame=replace(entry.frame, stamp_ns=index * (second - first)))
        for index, entry in enumerate([*world.frames] * times)
    ]
    return replace(world, frames=frames, saved=[[*own] * times for own in world.saved])


def same_size_parts(frames: Sequence[LabelledFrame], group_frames: int) -> list[slice]:
    """Runs of frames of one image size; each must be whole groups but the last."""
    sizes = [entry.frame.image.shape for entry in frames]
    starts = [i for i in range(len(sizes)) if i == 0 or sizes[i] != sizes[i - 1]]
    if any(start % group_frames for start in starts):
        raise SystemExit(
            f"sources of another size must begin at a multiple of {group_frames} frames"
        )
    return [slice(a, b) for a, b in pairwise([*starts, len(sizes)])]


def branch_matches(world: SimulatedWorld, cache: Path) -> list[list[FrameMatch]]:
    """What every branch would have published, judged; from a file if it is there."""
    names = ("scores", "class_ids", "hits", "truth_class_ids")
    if not cache.exists():
        columns = {}
        by_branch: dict[int, list[FrameMatch]] = {i: [] for i in range(len(world.space))}
        for setting in track(range(len(world.saved)), "branches"):
            for part in same_size_parts(world.frames, max(world.space.sampling_intervals)):
                frames, saved = world.frames[part], world.saved[setting][part]
                published = replay_setting(world.space, setting, frames, saved)
                shifted = partial(lambda start, i, found: world.match(start + i, found), part.start)
                matched = match_all(published, shifted, range(part.stop - part.start))
                for index, found in matched.items():
                    by_branch[index] += found
        for index, found in by_branch.items():
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


def prepare(arguments: argparse.Namespace) -> list[Setup]:
    """One setup for each place in the recorded noise; what is detected is the same in all."""
    bundle = PredictorBundle.load(arguments.profile)
    network = load(
        KernelOptions(
            arguments.detector, arguments.weights, precision=str(bundle.metadata["precision"])
        )
    )
    space, cache = network.space, arguments.cache
    sources = [open_source(name, frame_count=arguments.frames) for name in arguments.source]
    group_frames = max(space.sampling_intervals)
    filmed = read_frames(sources, arguments.frames, group_frames)
    frames = [View(zoom=zoom).of(entry) for zoom in arguments.zoom or [1.0] for entry in filmed]
    trace, _ = record_trace(network, scenes_of(sources, 3), UNSEEN_LEVELS, cache / "trace.npz")
    levels = np.arange(len(frames) * arguments.repeat) // arguments.level_frames % trace.level_count
    class_map = ClassMap(network.detector.class_names, sources[0].class_names)
    once = SimulatedWorld(
        frames, saved_detections(network, frames, cache / "detections.npz"),
        SimulatedMachine(trace, space, levels), class_map,
    )  # fmt: skip
    matches = [own * arguments.repeat for own in branch_matches(once, cache / "matches.npz")]
    blocks = np.tile(np.arange(len(frames)) // group_frames, arguments.repeat)
    whole = played(once, arguments.repeat)
    setups = []
    for start in track(range(arguments.starts), "latency of branches"):
        seed = _START_STEP * start
        world = replace(whole, machine=replace(whole.machine, seed=seed))
        own = of_another_machine(bundle, arguments.profile_error, seed)
        latencies_ms = branch_latencies_ms(world)
        outcomes = BranchOutcomes(space, matches, latencies_ms, len(world.truth_names))
        setups.append(Setup(network, own, world, outcomes, blocks))
    return setups


def of_another_machine(bundle: PredictorBundle, error: float, seed: int) -> PredictorBundle:
    """As if profiled elsewhere: what each part costs is off by a log-normal factor."""
    latency = bundle.latency
    factors = np.exp(np.random.default_rng(seed).normal(0.0, error, (len(latency.base), 1)))
    return replace(bundle, latency=replace(latency, base=latency.base * factors))


def compare(setup: Setup, sla: SLA) -> list[Outcome]:
    outcomes = []
    for name, build in ABLATIONS.items():
        scheduler, hears = build(setup)
        outcomes.append(run_scheduler(setup, name, scheduler, sla, hears))
    outcomes.insert(1, run_scheduler(setup, "policy approxdet", original(setup), sla))
    outcomes[2:2] = references(setup, sla)
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--source", action="append", default=None, help="with ground truth")
    parser.add_argument("--frames", type=int, default=768, help="of each source")
    parser.add_argument(
        "--zoom",
        type=float,
        action="append",
        default=None,
        help="play all sources once at each, as from a camera that zooms; 1 is as filmed",
    )
    parser.add_argument("--repeat", type=int, default=1, help="how often to play all of that")
    parser.add_argument(
        "--level-frames", type=int, default=72, help="frames for which a contention lasts"
    )
    parser.add_argument("--sla", type=float, action="append", default=None, help="in ms")
    parser.add_argument("--scope", default="frame", choices=("frame", "gof"))
    parser.add_argument(
        "--starts",
        type=int,
        default=1,
        help="places in the recorded noise to begin at, each a run; figures are their means",
    )
    parser.add_argument(
        "--profile-error",
        type=float,
        default=0.0,
        help="standard deviation of the logarithm of what each part's cost is wrong by",
    )
    parser.add_argument("--cache", type=Path, default=Path("out/mixed_run"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.source = arguments.source or ["synthetic:mixed:test:0"]
    setups = prepare(arguments)
    scope = SlaScope(arguments.scope)
    outcomes = {
        f"{latency_ms:g} ms, {scope.value}, 95 %": mean_outcomes(
            [compare(setup, SLA(latency_ms, 0.95, scope)) for setup in setups]
        )
        for latency_ms in track(arguments.sla or [25.0, 35.0, 60.0], "SLAs")
    }
    title = f"{arguments.detector}, {', '.join(Path(name).name for name in arguments.source)}"
    print(write(outcomes, arguments.out, title))


if __name__ == "__main__":
    main()
