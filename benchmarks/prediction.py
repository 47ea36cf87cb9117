"""How right the predictions are: latency at unprofiled contention, accuracy on unseen video.

    python benchmarks/prediction.py --profile out/profile/default.json --out docs/results/predict

Latency: the real pipeline on test video, a branch drawn at random every 12 frames, under levels of
contention that the profile does not have; what was predicted before a frame against what it took.
Accuracy: AP50 of every branch on each snippet of the test sources, against what the content
features of that snippet predict. Writes table.md, table.json and picture.png.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from recorded_world import SETTLE_S, UNSEEN_LEVELS
from rich.progress import track

from approx_perception.assembly import KernelOptions, assemble
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.clock import MonotonicClock
from approx_perception.datasets import FrameSource, LabelledFrame, open_source
from approx_perception.datasets.synthetic import SCENARIOS
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.load.load_meter import LoadMeter
from approx_perception.pipeline import Stream
from approx_perception.profiling.contention_generator import ContentionGenerator
from approx_perception.profiling.plan import ProfilePlan
from approx_perception.profiling.profiler import Profiler, join_units
from approx_perception.scheduling import Fixed
from approx_perception.structures import SLA, LoadReading

BRANCH_FRAMES = 12
LOAD_PERIOD_S = 0.2
QUANTILE = 0.95


class Monitor:
    """A load monitor in our own process, read as often as a topic would speak."""

    def __init__(self) -> None:
        self._meter = LoadMeter(lambda: [os.getpid()])
        self._read_s = time.monotonic()
        self._reading = LoadReading()

    def __call__(self) -> LoadReading:
        """Newest reading."""
        if (now_s := time.monotonic()) - self._read_s >= LOAD_PERIOD_S:
            self._read_s = now_s
            self._reading = LoadReading(cpu=self._meter.read().cpu_others)
        return self._reading


@dataclass(frozen=True)
class Sample:
    """One frame: what was expected and what it took, in ms; ``run`` tells runs of a branch."""

    run: int
    level: int
    kind: str
    predicted_ms: float
    measured_ms: float
    quantile_ms: float
    frame_ms: float


def run_level(
    stream: Stream, level: int, frames: Sequence[LabelledFrame], rng: np.random.Generator, run: int
) -> list[Sample]:
    """Process frames with random branches; the predictor goes on from where it is."""
    space, latency = stream.kernel.space, stream.scheduler.latency
    samples = []
    for index, entry in enumerate(frames):
        if index % BRANCH_FRAMES == 0:
            run += 1
            stream.scheduler.policy = Fixed(space[int(rng.integers(len(space)))])
        start_s = time.monotonic()
        expectations: list[object] = []
        learn = latency.observe

        def observe(result, learn=learn, into=expectations):
            # Between the frame and what is learned from it stands what was expected.
            decision = result.decision
            into.append(latency.expect(decision.branch, decision.kind, QUANTILE))
            learn(result)

        latency.observe = observe
        result = stream.process(entry.frame)
        latency.observe = learn
        expected = expectations[0]
        timings = result.timings
        kind = "detection" if result.decision.starts_group else "tracker step"
        measured = result.parts[0][1]
        if expected.part_ms > 0 and measured > 0:
            samples.append(
                Sample(run, level, kind, expected.part_ms, measured, expected.quantile_ms,
                       timings.processing_ms)
            )  # fmt: skip
        # As a camera at 30 Hz would have it.
        time.sleep(max(start_s + 1 / 30 - time.monotonic(), 0))
    return samples


def measure_latency(arguments: argparse.Namespace, frames: list[LabelledFrame]) -> list[Sample]:
    monitor = Monitor()
    height, width = frames[0].frame.image.shape[:2]
    network = assemble(
        KernelOptions(
            detector=arguments.detector, weights=arguments.weights, profile=arguments.profile,
            sla=SLA(1000.0, QUANTILE), image_size=(width, height),
        ),
        load=monitor,
    )  # fmt: skip
    stream, rng = network.stream(), np.random.default_rng(1)
    samples = []
    for _ in range(arguments.rounds):
        for level, contention in enumerate(track(UNSEEN_LEVELS, "latency")):
            with ContentionGenerator(contention):
                time.sleep(SETTLE_S)
                run = samples[-1].run if samples else 0
                samples += run_level(stream, level, frames, rng, run)
    return samples


def by_run(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples of the same branch, one after the other, together."""
    runs: dict[tuple[int, str], list[Sample]] = {}
    for sample in samples:
        runs.setdefault((sample.run, sample.kind), []).append(sample)
    return list(runs.values())


def frame_errors(samples: Sequence[Sample]) -> tuple[np.ndarray, np.ndarray]:
    """Errors of frames, and those of whoever knew the median of each run beforehand."""
    predicted, measured, known = [], [], []
    for run in by_run(samples):
        own = np.array([s.measured_ms for s in run])
        predicted += [s.predicted_ms for s in run]
        measured += own.tolist()
        known += [float(np.median(own))] * len(run)
    values = np.array(measured)
    return np.abs(np.array(predicted) / values - 1), np.abs(np.array(known) / values - 1)


def run_errors(samples: Sequence[Sample]) -> np.ndarray:
    """Errors of the mean of each run, of three frames or more."""
    return np.array(
        [
            abs(np.mean([s.predicted_ms for s in run]) / np.mean([s.measured_ms for s in run]) - 1)
            for run in by_run(samples)
            if len(run) >= 3
        ]
    )


def latency_rows(samples: Sequence[Sample]) -> list[dict[str, object]]:
    rows = []
    for kind in ("detection", "tracker step"):
        for level in (None, *range(len(UNSEEN_LEVELS))):
            own = [s for s in samples if s.kind == kind and level in (None, s.level)]
            if not own:
                continue
            error, floor = frame_errors(own)
            of_runs = run_errors(own)
            rows.append(
                {
                    "part": kind,
                    "contention": "all" if level is None else str(UNSEEN_LEVELS[level]),
                    "frames": len(own),
                    "measured_ms": float(np.mean([s.measured_ms for s in own])),
                    "error_median": float(np.median(error)),
                    "error_p90": float(np.quantile(error, 0.9)),
                    "known_median": float(np.median(floor)),
                    "known_p90": float(np.quantile(floor, 0.9)),
                    "run_error_median": float(np.median(of_runs)),
                    "run_error_p90": float(np.quantile(of_runs, 0.9)),
                    "coverage": float(np.mean([s.frame_ms <= s.quantile_ms for s in own])),
                }
            )
    return rows


def measure_accuracy(
    arguments: argparse.Namespace, bundle: PredictorBundle, sources: dict[str, FrameSource]
) -> dict[str, object]:
    kernel_options = KernelOptions(
        detector=arguments.detector,
        weights=arguments.weights,
        precision=str(bundle.metadata["precision"]),
    )
    from recorded_world import load

    network = load(kernel_options)
    with tempfile.TemporaryDirectory() as folder:
        profiler = Profiler(
            DetectionKernel(network.detector, network.space), sources, arguments.accuracy_frames,
            ProfilePlan([]), Path(folder), MonotonicClock(),
        )  # fmt: skip
        records = join_units(profiler.measure_accuracy(lambda message, done: None))
    known = np.isfinite(records["ap50"]).all(axis=1)
    measured, features = records["ap50"][known], records["features"][known]
    predicted = {
        "content-agnostic": np.tile(bundle.accuracy.agnostic, (len(measured), 1)),
        "by objects": _by_content(bundle.accuracy.objects, features),
        "by objects and image": _by_content(bundle.accuracy.image, features),
    }
    rows = {}
    for name, values in predicted.items():
        error = np.abs(values - measured)
        rows[name] = {
            "mean": float(error.mean()),
            "median": float(np.median(error)),
            "p90": float(np.quantile(error, 0.9)),
            "of_branch_over_all_content": float(
                np.abs(values.mean(axis=0) - measured.mean(axis=0)).mean()
            ),
        }
    return {"snippets": len(measured), "errors": rows}


def _by_content(model: object, features: np.ndarray) -> np.ndarray:
    """``(S, B)``, the mean over what each detector setting would have seen."""
    by_setting = [
        [model.predict(features[s, d]) for d in range(features.shape[1])]
        for s in range(len(features))
    ]
    return np.array(by_setting).mean(axis=1)


def write(folder: Path, rows: list[dict], accuracy: dict, samples: list[Sample]) -> str:
    lines = [
        "| part | contention | frames | mean | error: median | P90 | with the run's median known "
        "| of the mean of a run: median | P90 | inside the claimed 95 % |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['part']} | {r['contention']} | {r['frames']} | {r['measured_ms']:.1f} ms | "
        f"{r['error_median']:.1%} | {r['error_p90']:.1%} | "
        f"{r['known_median']:.1%}, {r['known_p90']:.1%} | "
        f"{r['run_error_median']:.1%} | {r['run_error_p90']:.1%} | {r['coverage']:.1%} |"
        for r in rows
    ]
    lines += [
        "",
        f"AP50 of each branch on {accuracy['snippets']} snippets:",
        "",
        "| accuracy predicted | error, mean | median | P90 | of a branch over all content |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {e['mean']:.3f} | {e['median']:.3f} | {e['p90']:.3f} | "
        f"{e['of_branch_over_all_content']:.3f} |"
        for name, e in accuracy["errors"].items()
    ]
    text = "\n".join(lines) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(text, encoding="utf-8")
    content = json.dumps({"latency": rows, "accuracy": accuracy}, indent=1) + "\n"
    (folder / "table.json").write_text(content, encoding="utf-8")
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for axis, kind in zip(axes, ("detection", "tracker step"), strict=True):
        for level, contention in enumerate(UNSEEN_LEVELS):
            own = [s for s in samples if s.kind == kind and s.level == level]
            axis.scatter(
                [s.predicted_ms for s in own], [s.measured_ms for s in own], s=4, alpha=0.5,
                label=str(contention),
            )  # fmt: skip
        limit = np.quantile([s.measured_ms for s in samples if s.kind == kind], 0.995)
        axis.plot([0, limit], [0, limit], color="black", linewidth=0.8)
        axis.set(xlim=(0, limit), ylim=(0, limit), title=kind, xlabel="predicted, ms")
        axis.set_ylabel("measured, ms")
    axes[0].legend(fontsize=7)
    figure.savefig(folder / "picture.png", dpi=130)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="faster_rcnn")
    parser.add_argument("--weights", default="")
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--source", action="append", default=None)
    parser.add_argument("--frames", type=int, default=360, help="at each level and round")
    parser.add_argument("--accuracy-frames", type=int, default=16, help="of each source")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    names = arguments.source or ["synthetic:mixed:test:1"]
    frames = [
        entry
        for name in names
        for entry in open_source(name, frame_count=arguments.frames)
        if entry.ground_truth is not None
    ][: arguments.frames]
    samples = measure_latency(arguments, frames)
    accuracy_names = arguments.source or [
        f"synthetic:{name}:test:{seed}" for name in SCENARIOS for seed in range(3)
    ]
    sources = {n: open_source(n, frame_count=arguments.accuracy_frames) for n in accuracy_names}
    bundle = PredictorBundle.load(arguments.profile)
    accuracy = measure_accuracy(arguments, bundle, sources)
    print(write(arguments.out, latency_rows(samples), accuracy, samples))


if __name__ == "__main__":
    main()
