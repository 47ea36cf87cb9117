"""Ours, ApproxDet's policy, fixed branches and an oracle on scenes that no profile has seen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from mixed_run import Kept, original, ours
from mixed_world import Fold
from unseen_scenes import CONDITIONS, Scene

from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.metrics.average_precision import FrameMatch, mean_ap50
from approx_perception.metrics.latency import violation_share
from approx_perception.scheduling import Scheduler
from approx_perception.simulation.simulated_stream import SimulatedStream, simulate
from approx_perception.structures import SLA, FrameResult, SlaScope

#: Of a system in a setting: ``ap50``, ``late`` (share), ``expected`` AP50, ``mean_ms``.
Figures = dict[str, Any]
#: Share of frames that an SLA of 95 % lets be late.
ALLOWED = 0.05
#: What a user can know: the best branch on the scenes that were profiled.
OF_OTHERS = "best fixed of the others"


@dataclass(frozen=True)
class Unseen:
    """A scene, the others, and what a profile of these knows."""

    scene: Scene
    others: Sequence[Scene]
    profile: Path

    def fold(self, condition: str) -> Fold:
        world = self.scene.under(condition)
        bundle = PredictorBundle.load(self.profile)
        return Fold(self.profile, bundle, world, np.zeros(0), self.scene.world, Path())


def figures_of(
    matches: Sequence[FrameMatch], results: Sequence[FrameResult], sla: SLA, class_count: int
) -> Figures:
    latencies_ms = np.array([result.timings.processing_ms for result in results])
    starts = np.array([result.decision.starts_group for result in results])
    limits = np.full(len(results), sla.latency_ms)
    return {
        "ap50": mean_ap50(matches, class_count).mean,
        "late": violation_share(latencies_ms, starts, limits, sla.scope),
        "expected": float(np.mean([r.decision.expected_accuracy for r in results])),
        "mean_ms": float(latencies_ms.mean()),
        "switches": int(sum(r.decision.switched for r in results)),
        "branches": most_used(results),
    }


def most_used(results: Sequence[FrameResult]) -> dict[str, float]:
    """Shares of frames of the three branches that ran most."""
    names = sorted(str(result.decision.branch) for result in results)
    shares = {name: len(list(own)) / len(names) for name, own in groupby(names)}
    return dict(sorted(shares.items(), key=lambda item: -item[1])[:3])


def replayed(fold: Fold, build: Callable[[Fold], Scheduler], sla: SLA, classes: int) -> Figures:
    """A scheduler on the recorded machine."""
    world, kept = fold.world, Kept()
    stream = SimulatedStream(world.kernel, build(fold), sla, world.machine)
    simulate(stream, world.frames, [sla] * len(world.frames), [kept])
    matches = [world.match(i, result.output) for i, result in enumerate(kept)]
    return figures_of(matches, kept, sla, classes)


@dataclass(frozen=True)
class FixedBranches:
    """All branches of a scene in a condition, each run all the time."""

    latencies_ms: np.ndarray
    starts: np.ndarray
    ap50: np.ndarray

    def late(self, sla: SLA) -> np.ndarray:
        """``(B,)`` share over the SLA."""
        limits = np.full(self.latencies_ms.shape[1], sla.latency_ms)
        rows = zip(self.latencies_ms, self.starts, strict=True)
        return np.array([violation_share(ms, start, limits, sla.scope) for ms, start in rows])


def fixed_branches(scene: Scene, condition: str) -> FixedBranches:
    world = scene.under(condition)
    latencies_ms, compiled = world.branch_latencies_ms(), world.space.compiled
    frames = np.arange(latencies_ms.shape[1])
    starts = frames % compiled.group_frames[:, None] == 0
    return FixedBranches(latencies_ms, starts, scene.ap50)


def oracle(scene: Scene, condition: str, sla: SLA) -> Figures:
    """The best branch of each group of frames, known afterwards."""
    outcomes = scene.outcomes(scene.under(condition))
    choice = outcomes.oracle([sla] * outcomes.latencies_ms.shape[1])
    late = outcomes.latency_ms(choice) > sla.latency_ms
    ap50 = mean_ap50(outcomes.chosen(choice), scene.class_count).mean
    return {"ap50": ap50, "late": float(late.mean())}


def references(own: FixedBranches, others: Sequence[FixedBranches], sla: SLA) -> dict[str, Any]:
    """Positions of fixed branches to compare with, each with its figures."""
    late = own.late(sla)
    others_late = np.mean([other.late(sla) for other in others], axis=0)
    others_ap50 = np.mean([other.ap50 for other in others], axis=0)

    def best(values: np.ndarray, share: np.ndarray) -> int | None:
        fits = share <= ALLOWED
        return int(np.where(fits, values, -1.0).argmax()) if fits.any() else None

    chosen = {
        OF_OTHERS: best(others_ap50, others_late),
        "best fixed in hindsight": best(own.ap50, late),
        "fastest": int(np.lexsort((own.latencies_ms.mean(axis=1), late))[0]),
    }
    return {
        name: None if i is None else
        {"branch": i, "ap50": float(own.ap50[i]), "late": float(late[i])}
        for name, i in chosen.items()
    }  # fmt: skip


def recorded_figures(
    each: Unseen, scope: SlaScope, slas_ms: Sequence[float], with_oracle: bool
) -> Iterator[Figures]:
    """Rows of one scene, a setting each."""
    classes = each.scene.class_count
    for condition in CONDITIONS:
        fold = each.fold(condition)
        own = fixed_branches(each.scene, condition)
        others = [fixed_branches(other, condition) for other in each.others]
        for latency_ms in slas_ms:
            sla = SLA(latency_ms, 0.95, scope)
            systems = {"ours": replayed(fold, ours, sla, classes)}
            systems["original"] = replayed(fold, original, sla, classes)
            systems |= references(own, others, sla)
            if with_oracle:
                systems["oracle"] = oracle(each.scene, condition, sla)
            yield {
                "scene": each.scene.spec.name, "condition": condition, "sla": latency_ms,
                "systems": systems,
                "fixed": dict(zip(
                    map(str, fold.world.space),
                    np.stack([own.ap50, own.late(sla)], 1).round(4).tolist(), strict=True,
                )),
            }  # fmt: skip
