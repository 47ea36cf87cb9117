"""Scenes that no profile has seen, with real networks on the real machine, in turns."""

import time
from collections.abc import Iterator, Sequence

from mixed_run import Kept, original, ours
from mixed_world import Fold
from recorded_world import SETTLE_S, UNSEEN_LEVELS
from unseen_scenes import CONDITIONS, LEVEL_FRAMES, first_frames
from unseen_systems import Figures, Unseen, figures_of, fixed_branches, references

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.clock import MonotonicClock
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.pipeline import Stream
from approx_perception.pipeline.driver import Conditions, Driver, drive
from approx_perception.profiling.contention_generator import ContentionGenerator
from approx_perception.scheduling import Fixed, Scheduler
from approx_perception.structures import SLA, Frame, LoadReading, SlaScope

FRAMES = 192


class Contention:
    """Levels of contention that take turns."""

    def __init__(self, condition: str) -> None:
        self._turns = CONDITIONS[condition]
        self._running: ContentionGenerator | None = None

    def begin(self, frame: Frame) -> None:
        if frame.sequence % LEVEL_FRAMES == 0:
            self.end()
            level = self._turns[frame.sequence // LEVEL_FRAMES % len(self._turns)]
            self._running = ContentionGenerator(UNSEEN_LEVELS[level])
            self._running.__enter__()
            time.sleep(SETTLE_S)

    def end(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


def fixed(fold: Fold, index: int) -> Scheduler:
    space, bundle = fold.world.space, fold.bundle
    latency = AdaptiveLatency(space, bundle.latency, fold.world.kernel.cost_terms)
    return Scheduler(
        space, Fixed(space[index]), latency, ConstantAccuracy(bundle.accuracy.agnostic)
    )


def live_figures(each: Unseen, scope: SlaScope, slas_ms: Sequence[float]) -> Iterator[Figures]:
    """Rows of one scene; beside ours run fixed branches that the recorded latencies name."""
    scene = each.scene
    kernel = DetectionKernel(scene.network.detector, scene.network.space)
    for condition in CONDITIONS:
        fold, own = each.fold(condition), fixed_branches(scene, condition)
        others = [fixed_branches(other, condition) for other in each.others]
        for latency_ms in slas_ms:
            sla = SLA(latency_ms, 0.95, scope)
            schedulers = {"ours": ours(fold), "original": original(fold)}
            for name, known in references(own, others, sla).items():
                if known is not None:
                    schedulers[name] = fixed(fold, known["branch"])
            systems = _played(scene, kernel, schedulers, sla, Contention(condition))
            names = ("ours", "original", *references(own, others, sla))
            yield {
                "scene": scene.spec.name, "condition": condition, "sla": latency_ms,
                "systems": {name: systems.get(name) for name in names},
            }  # fmt: skip


def _played(scene, kernel, schedulers, sla, contention) -> Figures:
    """Figures of each system; all see the same frames in turns."""
    frames, conditions = first_frames(scene, FRAMES), Conditions({0: sla}, {})
    kept = {name: Kept() for name in schedulers}
    drivers = [
        Driver(Stream(kernel, own, sla, MonotonicClock(), LoadReading), conditions, [kept[name]])
        for name, own in schedulers.items()
    ]
    try:
        drive(frames, drivers, contention.begin)
    finally:
        contention.end()
    count = len(scene.world.frames)
    return {
        name: figures_of(
            [scene.world.match(i % count, r.output) for i, r in enumerate(own)], own, sla,
            scene.class_count,
        )
        for name, own in kept.items()
    }  # fmt: skip
