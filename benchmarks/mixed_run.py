"""Ours, ApproxDet's policy, every fixed branch and an oracle, on changing content and contention.

    python benchmarks/mixed_run.py --fold PROFILE.json synthetic:mixed:test:0 --out FOLDER

Latencies are recorded on this machine, at levels of contention that the profile does not have, and
replayed (`simulation.recorded_machine`); detections, trackers and schedulers are real.
With few labelled frames, several folds, each with a profile of the others, are judged together.
Writes table.md, table.json and picture.png.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from mixed_world import Fold, Run, prepare
from outcome_tables import OURS, Outcome, mean_outcomes, write
from rich.progress import track

from approx_perception.accuracy._base import AccuracyPredictor
from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.policy_factory import PolicyFactory
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.part_bias import PartBias
from approx_perception.metrics.average_precision import (
    FrameMatch,
    mean_ap50,
    mean_ap50_of_draws,
)
from approx_perception.metrics.latency import group_means_ms, violation_share
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.simulation.hindsight import Choice
from approx_perception.simulation.simulated_stream import SimulatedStream, simulate
from approx_perception.structures import SLA, Frame, FrameResult, SlaScope

#: Draws of a bootstrap.
DRAWS = 200


def resampled_ap50(
    matches: Sequence[FrameMatch], class_count: int, blocks: np.ndarray
) -> np.ndarray:
    """AP50 of draws of blocks with replacement, the same blocks for everybody."""
    count = int(blocks.max()) + 1
    draws = np.random.default_rng(0).integers(count, size=(DRAWS, count))
    often = np.array([np.bincount(draw, minlength=count) for draw in draws])
    return mean_ap50_of_draws(matches, class_count, often[:, blocks])


def judged(
    run: Run, name: str, sla: SLA,
    matches: Sequence[FrameMatch], latencies_ms: np.ndarray, detected: np.ndarray, switches: int,
) -> Outcome:  # fmt: skip
    """Accuracy, and latency in the SLA's scope."""
    classes = run.class_count
    slas = np.full(len(latencies_ms), sla.latency_ms)
    frames = sla.scope is SlaScope.FRAME
    values = latencies_ms if frames else group_means_ms(latencies_ms, detected)
    return Outcome(
        name,
        mean_ap50(matches, classes).mean,
        resampled_ap50(matches, classes, run.blocks),
        violation_share(latencies_ms, detected, slas, sla.scope),
        float(latencies_ms.mean()),
        float(np.percentile(values, 95)),
        switches,
    )


#: Makes a scheduler for a fold, whose profile it goes by.
Builder = Callable[[Fold], Scheduler]


class Kept(list):
    """Keeps all results."""

    def add(self, frame: Frame, result: FrameResult, *_: object) -> None:
        self.append(result)


def run_scheduler(
    run: Run, name: str, build: Builder, sla: SLA, hears_load: bool = True
) -> Outcome:
    """Each fold by a scheduler of its own."""
    matches, results = [], []
    for fold in run.folds:
        slas = [sla] * len(fold.world.frames)
        own, world = Kept(), fold.world
        stream = SimulatedStream(world.kernel, build(fold), sla, world.machine, hears_load)
        simulate(stream, world.frames, slas, [own])
        matches += [fold.world.match(i, result.output) for i, result in enumerate(own)]
        results += own
    return judged(
        run, name, sla, matches,
        np.array([r.timings.processing_ms for r in results]),
        np.array([r.decision.starts_group for r in results]),
        sum(r.decision.switched for r in results),
    )  # fmt: skip


class BareMargin:
    """The constant margin of 1.3 of ApproxDet, in place of a calibrated tail."""

    def log_ratio(self, quantile: float) -> float:
        return math.log(1.3)

    def log_ratios(self, quantiles: np.ndarray) -> np.ndarray:
        return np.full(quantiles.shape, math.log(1.3))

    def share_over(self, log_ratios: np.ndarray) -> np.ndarray:
        return np.where(log_ratios >= math.log(1.3), 0.0, 1.0)

    def correct(self, residual: float, quantile: float) -> None:
        pass

    def remember(self, residual: float) -> None:
        pass


class NoBias(PartBias):
    """Learns nothing."""

    def observe(self, part: int, residual: float) -> None:
        pass

    def is_settled(self, part: int) -> bool:
        return True


def ours(
    fold: Fold, corrects_online: bool = True, calibrates_tail: bool = True, content: bool = True
) -> Scheduler:
    """Our scheduler, or without parts of it."""
    space, bundle = fold.world.space, fold.bundle
    latency = AdaptiveLatency(space, bundle.latency, DetectionCosts(space))
    if not corrects_online:
        latency._parts._bias = NoBias(space.compiled.family_of)
    if not calibrates_tail:
        latency._tails, latency._group_tail = [BareMargin(), BareMargin()], BareMargin()
    accuracy: AccuracyPredictor = (
        bundle.accuracy if content else ConstantAccuracy(bundle.accuracy.agnostic)
    )
    return Scheduler(space, MostAccurate(), latency, accuracy)


def original(fold: Fold) -> Scheduler:
    space, bundle = fold.world.space, fold.bundle
    factory = PolicyFactory(space, bundle.accuracy.agnostic, profile=fold.profile)
    policy = factory.create("approxdet", space.default_branch)
    return Scheduler(
        space, policy, AdaptiveLatency(space, bundle.latency, DetectionCosts(space)),
        ConstantAccuracy(bundle.accuracy.agnostic),
    )  # fmt: skip


#: With whether load topics are heard.
ABLATIONS: dict[str, tuple[Builder, bool]] = {
    OURS: (ours, True),
    "ours, load topics off": (ours, False),
    "ours, content features off": (partial(ours, content=False), True),
    "ours, tail calibration off (1.3)": (partial(ours, calibrates_tail=False), True),
    "ours, online correction off": (partial(ours, corrects_online=False), True),
}


def in_hindsight(run: Run, name: str, choice: Choice, sla: SLA) -> Outcome:
    """Outcome of a choice that could be made only afterwards."""
    return judged(
        run, name, sla,
        run.outcomes.chosen(choice), run.outcomes.latency_ms(choice), choice.starts,
        int((np.diff(choice.branches) != 0).sum()),
    )  # fmt: skip


def references(run: Run, sla: SLA) -> list[Outcome]:
    """Best fixed branches that meet the SLA, over the run and at each level, and the oracle."""
    slas = [sla] * len(run.levels)
    outcomes = []
    for name, phases in (
        ("best fixed, SLA met in all", None),
        ("best fixed, SLA met at each level", run.levels),
    ):
        choice = run.outcomes.best_fixed(slas, phases)
        if choice is not None:
            branch = run.outcomes.space[int(choice.branches[0])]
            outcomes.append(in_hindsight(run, f"{name}: `{branch}`", choice, sla))
    return [*outcomes, in_hindsight(run, "oracle", run.outcomes.oracle(slas), sla)]


def compare(run: Run, sla: SLA) -> list[Outcome]:
    outcomes = [
        run_scheduler(run, name, build, sla, hears) for name, (build, hears) in ABLATIONS.items()
    ]
    others = [run_scheduler(run, "policy approxdet", original, sla), *references(run, sla)]
    return [outcomes[0], *others, *outcomes[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    parser.add_argument(
        "--fold",
        nargs="+",
        action="append",
        required=True,
        metavar="NAME",
        help="a profile, then sources with ground truth that it has not seen; may be repeated",
    )
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
    for profile, *sources in arguments.fold:
        if not sources:
            parser.error(f"--fold {profile} names no source")
    runs = prepare(arguments)
    scope = SlaScope(arguments.scope)
    outcomes = {
        f"{latency_ms:g} ms, {scope.value}, 95 %": mean_outcomes(
            [compare(run, SLA(latency_ms, 0.95, scope)) for run in runs]
        )
        for latency_ms in track(arguments.sla or [25.0, 35.0, 60.0], "SLAs")
    }
    names = [Path(name).name for _, *sources in arguments.fold for name in sources]
    title = f"{arguments.detector}, {', '.join(names)}"
    print(write(outcomes, arguments.out, title))


if __name__ == "__main__":
    main()
