"""What a decision takes over the space of the paper, everything included.

    python benchmarks/decision_time.py --out docs/results/decision

Predictors with random numbers in place of fitted ones, but all of their parts: content-aware
accuracy with image features, fused contention, calibrated tails, switching, hysteresis. The image
features of a 640x480 image and taking in the frame's result are timed beside it.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from approx_perception.accuracy.content_model import (
    FEATURE_NAMES,
    AccuracyModel,
    ContentRegression,
)
from approx_perception.assembly import load_space
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.latency_model import LatencyModel
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

STATES = 20
CONTENT = ContentFeatures(8, 30_000.0, 7.0, 0.1, 0.05, 3.0)


def random_scheduler(rng: np.random.Generator) -> Scheduler:
    space = load_space("approxdet", "faster_rcnn")
    settings, trackers = len(space.detector_settings), len(space.trackers)
    parts = settings + 2 * trackers
    scores = np.sort(rng.normal(0, 1, 64))
    switching_ms = np.zeros((parts, parts))
    switching_ms[:settings, :settings] = rng.uniform(0, 5, (settings, settings))
    latency = LatencyModel(
        base=rng.uniform(1, 20, (parts, 4)) * [1, 0, 0.05, 0.1],
        log_slowdown=np.sort(rng.uniform(0, 1, (parts, STATES)), axis=1),
        load=np.stack([np.linspace(0, 1, STATES), np.full(STATES, np.nan)], axis=1),
        scatter=rng.uniform(0.05, 0.2, (parts, STATES)),
        residuals=0.1 * np.stack([scores, scores]),
        switching_ms=switching_ms,
        profiled_size=np.array([640.0, 480.0]),
        is_profiled=True,
    )

    def regression(count: int) -> ContentRegression:
        terms = 1 + count + count * (count + 1) // 2
        # In the layout of a fit's: a column for each term.
        weights = rng.normal(0, 0.1, (terms, len(space))).astype(np.float32).T
        return ContentRegression(np.full(count, -4.0), np.full(count, 1.0), weights)

    accuracy = AccuracyModel(
        rng.uniform(0, 1, len(space)), regression(len(FEATURE_NAMES))
    )  # fmt: skip
    adaptive = AdaptiveLatency(space, latency, DetectionCosts(space))
    return Scheduler(space, MostAccurate(), adaptive, accuracy)


def timed(action: Callable[[int], object], count: int) -> np.ndarray:
    samples = np.zeros(count)
    for index in range(count):
        start = time.perf_counter()
        action(index)
        samples[index] = 1e3 * (time.perf_counter() - start)
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    scheduler = random_scheduler(rng)
    slas = [SLA(budget, 0.95, scope) for budget in (20.0, 40.0) for scope in SlaScope]
    decisions = []

    def decide(index: int) -> None:
        scheduler.abort_group()
        observation = Observation(
            slas[index // 50 % 4], CONTENT, "camera", (640, 480), LoadReading(cpu=0.3)
        )
        decisions.append(scheduler.decide(observation))

    def learn(index: int) -> None:
        decision = decisions[index]
        ms = decision.expected_ms * float(rng.lognormal(0, 0.1))
        space = scheduler.space
        parts = space.compiled.parts_of(space.index(decision.branch), 0)
        took_ms = (ms, 0.1)[: len(parts)]
        scheduler.observe(FrameResult(
            0, "camera", 0, Detections.empty(), decision, slas[0],
            StageTimings(processing_ms=ms + 1), 1, tuple(zip(parts, took_ms, strict=True)), 0.0,
            CONTENT,
        ))  # fmt: skip

    decide(0)
    stages = {
        "decision at a group boundary": timed(decide, arguments.count),
        "learning from a result": timed(learn, arguments.count),
    }
    lines = [
        f"{len(scheduler.space)} branches; ms:\n",
        "| | median | P95 | max |",
        "|---|---|---|---|",
    ]
    rows = {}
    for name, samples in stages.items():
        median, p95 = np.percentile(samples, [50, 95])
        rows[name] = {"median_ms": median, "p95_ms": p95, "max_ms": float(samples.max())}
        lines.append(f"| {name} | {median:.3f} | {p95:.3f} | {samples.max():.3f} |")
    text = "\n".join(lines) + "\n"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "table.md").write_text(text, encoding="utf-8")
    (arguments.out / "table.json").write_text(json.dumps(rows, indent=1) + "\n")
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, samples in stages.items():
        axes.ecdf(samples, label=name)
    axes.set(xscale="log", xlabel="ms", ylabel="share of calls", xlim=(0.005, 5))
    axes.axvline(0.3, color="black", linewidth=0.8, linestyle=":")
    axes.legend(fontsize=8)
    figure.savefig(arguments.out / "picture.png", dpi=130)
    print(text)


if __name__ == "__main__":
    main()
