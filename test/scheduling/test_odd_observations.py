"""Whatever is observed, a decision is made and all that it says is finite."""

import math
from dataclasses import fields

import numpy as np
import pytest

from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Detections,
    FrameResult,
    LoadReading,
    Observation,
    SlaScope,
    StageTimings,
)
from approx_perception.testing.fakes import small_space
from approx_perception.testing.models import (
    small_accuracy_model,
    small_latency,
    small_latency_model,
)
from test.scheduling.test_only_open_branches import random_policy

SPACE = small_space()
ODD = (math.nan, math.inf, -math.inf, -1.0, 0.0, 1e-300, 1e9, 1e300)
SIZES = ((0, 0), (1, 1), (640, 480), (1, 10**9), (10**6, 10**6))
FIGURES = ("expected_ms", "expected_quantile_ms", "expected_accuracy", "fastest_ms")


def odd(rng, usual):
    return float(rng.choice(ODD)) if rng.random() < 0.4 else usual


def odd_content(rng):
    names = [field.name for field in fields(ContentFeatures) if field.name != "is_known"]
    values = {name: odd(rng, float(rng.uniform(0, 20))) for name in names}
    return ContentFeatures(**values, is_known=bool(rng.random() < 0.8))


def odd_result(rng, frame, decision, sla):
    compiled = SPACE.compiled
    parts = compiled.parts_of(SPACE.index(decision.branch), compiled.kinds.index(decision.kind))
    took = tuple((part, odd(rng, float(rng.uniform(0, 40)))) for part in parts)
    total_ms = odd(rng, sum(ms for _, ms in took))
    count = int(rng.integers(0, 4))
    boxes = rng.uniform(-1e6, 1e6, (count, 4))
    found = Detections.from_arrays(boxes, np.ones(count), np.zeros(count))
    return FrameResult(
        0, "camera", frame, found, decision, sla, StageTimings(processing_ms=total_ms), parts=took,
        others_ms=odd(rng, 0.0), content=odd_content(rng),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["most_accurate", "fastest", "adascale", "approxdet"])
def test_odd_content_sizes_and_timings_never_raise_and_figures_are_finite(name):
    rng = np.random.default_rng(0)
    accuracy = small_accuracy_model()
    for _ in range(30):
        policy = random_policy(rng, name, SPACE)
        costs = DetectionCosts(SPACE, lambda shape, size: shape * size[0])
        latency = AdaptiveLatency(SPACE, small_latency_model(), costs)
        scheduler = Scheduler(SPACE, policy, latency, accuracy)
        for frame in range(30):
            sla = SLA(float(rng.choice([1e-300, 5.0, 20.0, 50.0, 1e300])), 0.95,
                      list(SlaScope)[rng.integers(2)])  # fmt: skip
            size = SIZES[rng.integers(len(SIZES))]
            load = LoadReading(float(rng.uniform()) if rng.random() < 0.5 else None)
            decision = scheduler.decide(Observation(sla, odd_content(rng), "camera", size, load))
            figures = {figure: getattr(decision, figure) for figure in FIGURES}
            assert all(math.isfinite(value) for value in figures.values()), figures
            assert math.isfinite(decision.contention.slowdown)
            scheduler.observe(odd_result(rng, frame, decision, sla))


def test_huge_counts_make_tracking_dear_and_no_more():
    """What was observed before and after decides as ever."""
    scheduler = Scheduler(
        SPACE, MostAccurate(), small_latency(SPACE), small_accuracy_model(),
    )  # fmt: skip

    def choice(count):
        content = ContentFeatures(object_count=count, total_area_px2=100.0 * count)
        scheduler.abort_group()
        return scheduler.decide(
            Observation(SLA(50.0, 0.95, SlaScope.GOF), content, "camera", (640, 480))
        )

    before = choice(2)
    assert choice(10**12).branch.si == 1
    assert choice(2).branch == before.branch
