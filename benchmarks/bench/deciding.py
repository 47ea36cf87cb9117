"""A scheduler over a space of any size, whose predictors hold random numbers."""

from collections.abc import Callable

import numpy as np

from approx_perception.accuracy.content_model import (
    FEATURE_NAMES,
    AccuracyModel,
    ContentRegression,
)
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Decision,
    Detections,
    FrameResult,
    LoadReading,
    Observation,
    SlaScope,
    StageTimings,
)

__all__ = ["Deciding", "space_of_size"]

_STATES = 20
_CONTENT = ContentFeatures(8, 30_000.0, 7.0, 0.1, 0.05, 3.0)
_INTERVALS = (2, 4, 8, 20, 40)
_TRACKERS = tuple(
    TrackerSettings(name, ds) for name in ("median_flow", "kcf", "csrt") for ds in (1, 2, 4)
)


def space_of_size(branches: int) -> BranchSpace:
    """About so many branches: shapes, proposals, intervals and trackers grow together."""
    cadences = 1 + len(_INTERVALS) * len(_TRACKERS)
    if branches < cadences:
        return BranchSpace("small", tuple(range(128, 128 + 32 * branches, 32)), (), (1,), ())
    settings = max(branches // cadences, 1)
    shapes = tuple(160 + 16 * index for index in range(settings))
    return BranchSpace("large", shapes, (), (1, *_INTERVALS), _TRACKERS)


def _scheduler(space: BranchSpace, rng: np.random.Generator) -> Scheduler:
    settings, trackers = len(space.detector_settings), len(space.trackers)
    parts = settings + 2 * trackers
    scores = np.sort(rng.normal(0, 1, 64))
    latency = LatencyModel(
        base=rng.uniform(1, 20, (parts, 4)) * [1, 0, 0.05, 0.1],
        log_slowdown=np.sort(rng.uniform(0, 1, (parts, _STATES)), axis=1),
        load=np.stack([np.linspace(0, 1, _STATES), np.full(_STATES, np.nan)], axis=1),
        scatter=rng.uniform(0.05, 0.2, (parts, _STATES)),
        residuals=0.1 * np.stack([scores] * len(space.compiled.kinds)),
        profiled_size=np.array([640.0, 480.0]),
        is_profiled=True,
    )
    count = len(FEATURE_NAMES)
    terms = 1 + count + count * (count + 1) // 2
    # In the layout of a fit's: a column for each term.
    weights = rng.normal(0, 0.1, (terms, len(space))).astype(np.float32).T
    regression = ContentRegression(np.full(count, -4.0), np.full(count, 1.0), weights)
    accuracy = AccuracyModel(rng.uniform(0, 1, len(space)), regression)
    return Scheduler(
        space, MostAccurate(), AdaptiveLatency(space, latency, DetectionCosts(space)), accuracy
    )


class Deciding:
    """Decisions at group boundaries, and what is learned after each."""

    def __init__(self, space: BranchSpace) -> None:
        self._rng = np.random.default_rng(0)
        self._scheduler = _scheduler(space, self._rng)
        self._slas = [SLA(ms, 0.95, scope) for ms in (20.0, 40.0) for scope in SlaScope]
        self._count = 0
        self._last: Decision | None = None

    def decide(self) -> Decision:
        """Decide on the first frame of a group."""
        self._scheduler.abort_group()
        self._count += 1
        sla = self._slas[self._count // 50 % len(self._slas)]
        observation = Observation(sla, _CONTENT, "camera", (640, 480), LoadReading(cpu=0.3))
        self._last = self._scheduler.decide(observation)
        return self._last

    def learn(self) -> None:
        """Take in the result of the last decision."""
        decision = self._last or self.decide()
        space = self._scheduler.space
        parts = space.compiled.parts_of(space.index(decision.branch), 0)
        ms = decision.expected_ms * float(self._rng.lognormal(0, 0.1))
        took_ms = (ms, 0.1)[: len(parts)]
        self._scheduler.observe(FrameResult(
            0, "camera", 0, Detections.empty(), decision, self._slas[0],
            StageTimings(processing_ms=ms + 1), 1, tuple(zip(parts, took_ms, strict=True)), 0.0,
            _CONTENT,
        ))  # fmt: skip

    def group(self) -> Callable[[], object]:
        """Both, one after the other."""

        def both() -> None:
            self.decide()
            self.learn()

        return both
