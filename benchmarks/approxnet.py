"""The tables of docs/approxnet.md: what branches cost, what the scheduler makes of them, baselines.

    approx-perception profile --task classification --out out/profile/classification.json
    python benchmarks/approxnet.py --profile out/profile/classification.json --baselines FOLDER

FOLDER holds one folder for each trained baseline with its ``weights.onnx``; `BASELINES` names them
and how each is trained. Without it only ApproxNet is measured. Needs a machine that does nothing
else.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import yaml
from approxnet_recorded import Outcome, RecordedWorld

from approx_perception.baselines.model_swapping import SwappingClassifier
from approx_perception.classifiers import ClassifierOptions, ClassifierSettings, load_classifier
from approx_perception.datasets import LabelledFrame, open_source
from approx_perception.datasets.synthetic import CLIP_SCENARIOS, SyntheticVideo
from approx_perception.kernels.complexity import edge_energy, small_grey
from approx_perception.latency.records import ProfileRecords
from approx_perception.structures import Frame

#: Clips from easy to hard, 16 in each video, none of them in training or in the profile.
VIDEOS = [(f"synthetic:object_mixed:test:{seed}", 240) for seed in range(3)]
VIDEO = VIDEOS[0][0]
#: Folder of a baseline, and what ``train --task classification`` is told to make it.
BASELINES = {
    "slim_224_6": "--backbone slim:224:6 --iterations 1600",
    "slim_128_4": "--backbone slim:128:4 --iterations 1000",
    "mobilenet_224": "--backbone mobilenet:224 --iterations 900",
    "msdnet": "--backbone msdnet --iterations 500",
}
#: Leaves where it is sure enough, which no policy chooses; it has a table of its own.
EARLY_EXIT = "msdnet"
#: Models of the ensemble that swaps them (MCDNN-like).
ENSEMBLE = ("slim_128_4", "slim_224_6")
_ROUNDS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--baselines", type=Path)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path("docs/results/approxnet"))
    parser.add_argument("--cache", type=Path, default=Path("out/approxnet"))
    parser.add_argument("--memory-of", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        print(resident_mb(arguments.memory_of))
        return
    for folder in (arguments.out, arguments.cache):
        folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables(arguments):
        print(f"\n## {name}\n\n{table}", flush=True)
        (arguments.out / f"{name}.md").write_text(table, encoding="utf-8")


def tables(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Name and Markdown of each table."""
    took = branch_latencies()
    yield "latency", latency_table(took)
    yield "switching", switching_table(took, arguments)
    yield "memory", memory_table(arguments)
    world = RecordedWorld(arguments.profile, VIDEOS, arguments.cache / "right.npz")
    yield "recorded", recorded_table(world)
    yield "mixed", mixed_table(world)
    yield "complexity", category_table(world)
    yield "depth", depth_table()
    if arguments.baselines:
        yield "live", live_table(arguments, world.slas_ms[2::2])
        early = arguments.baselines / EARLY_EXIT / "weights.onnx"
        if early.is_file():
            yield "early_exit", early_exit_table(early)


class Latencies:
    """Times in ms by branch: of a frame after one of the same branch, and after another."""

    def __init__(self, pairs: Sequence[ClassifierSettings]) -> None:
        self.steady: dict[ClassifierSettings, list[float]] = {pair: [] for pair in pairs}
        self.switched: dict[ClassifierSettings, list[float]] = {pair: [] for pair in pairs}


def _options(weights: str = "") -> ClassifierOptions:
    return ClassifierOptions(weights, None, "cpu", 1, "auto")


def _network() -> tuple[object, list[np.ndarray], np.ndarray]:
    network = load_classifier("approxnet", _options())
    images = [entry.frame.image for entry in open_source(VIDEO, None, 24)]
    height, width = images[0].shape[:2]
    return network, images, np.array([[0, 0, width, height]], np.float32)


def branch_latencies() -> Latencies:
    """Every branch in an order by chance, twice in a row each: the first time is a switch."""
    network, images, whole = _network()
    took, rng = Latencies(network.pairs), np.random.default_rng(0)
    for turn in range(_ROUNDS + 1):
        for index in rng.permutation(len(network.pairs)):
            pair = network.pairs[index]
            for own in (took.switched, took.steady):
                start = time.perf_counter()
                network.classify(images[turn % len(images)], whole, pair)
                if turn:
                    own[pair].append(1e3 * (time.perf_counter() - start))
    return took


def latency_table(took: Latencies) -> str:
    lines = ["| branch | median | P95 |", "|---|---|---|"]
    for pair, ms in sorted(took.steady.items(), key=lambda item: np.median(item[1])):
        lines.append(f"| {pair} | {np.median(ms):.2f} ms "
                     f"| {np.percentile(ms, 95):.2f} ms |")  # fmt: skip
    return "\n".join(lines) + "\n"


def switching_table(took: Latencies, arguments: argparse.Namespace) -> str:
    """Difference of medians beside the spread of one inference; an ensemble loads a file."""
    extra = [np.median(took.switched[p]) - np.median(took.steady[p]) for p in took.steady]
    spread = [np.subtract(*np.percentile(ms, (75, 25))) for ms in took.steady.values()]
    lines = [
        "| a frame right after a switch takes longer by | median of branches | largest |",
        "|---|---|---|",
        f"| ApproxNet | {np.median(extra):+.3f} ms | {max(extra):+.3f} ms |",
        f"| (quartiles of one inference apart) | {np.median(spread):.3f} ms "
        f"| {max(spread):.3f} ms |",
    ]
    files = [arguments.baselines / name / "weights.onnx" for name in ENSEMBLE] if (
        arguments.baselines) else []  # fmt: skip
    if files and all(path.is_file() for path in files):
        ensemble = SwappingClassifier("approxnet", list(map(str, files)), _options())
        loading = swapping_ms(ensemble)
        lines.append(f"| ensemble of {len(files)} | {np.median(loading):+.1f} ms "
                     f"| {max(loading):+.1f} ms |")  # fmt: skip
    return "\n".join(lines) + "\n"


def swapping_ms(ensemble: SwappingClassifier) -> list[float]:
    """What a frame that swaps networks takes more than the next one."""
    _, images, whole = _network()
    extra = []
    for turn in range(20):
        pair = ensemble.pairs[turn % len(ensemble.pairs)]
        times = []
        for _ in range(2):
            start = time.perf_counter()
            ensemble.classify(images[turn], whole, pair)
            times.append(1e3 * (time.perf_counter() - start))
        extra.append(times[0] - times[1])
    return extra


def resident_mb(which: str) -> float:
    """Memory of this process after every branch, or only the largest, ran."""
    network, images, whole = _network()
    for pair in network.pairs if which == "all" else [max(network.pairs)]:
        for image in images[:4]:
            network.classify(image, whole, pair)
    return psutil.Process().memory_info().rss / 1e6


def memory_table(arguments: argparse.Namespace) -> str:
    found = {}
    for which in ("largest", "all"):
        words = [sys.executable, __file__, "--profile", "-", "--memory-of", which]
        runs = [float(subprocess.check_output(words).split()[-1]) for _ in range(3)]
        found[which] = float(np.median(runs))
    network = _network()[0]
    return (
        "| weights | process with the largest branch alone | with all branches | ratio |\n"
        f"|---|---|---|---|\n| {network.memory_bytes / 1e6:.1f} MB | {found['largest']:.0f} MB "
        f"| {found['all']:.0f} MB | {found['all'] / found['largest']:.2f} |\n"
    )


def compare(
    arguments: argparse.Namespace, name: str, sla_ms: float, systems: Sequence[str], scenario: Path,
    more: Sequence[str] = (),
) -> dict[str, dict[str, object]]:  # fmt: skip
    """Run `approx-perception compare`; the entries of its systems."""
    folder = arguments.cache / f"{name}_{sla_ms:g}ms"
    words = [sys.executable, "-m", "approx_perception.cli.main", "compare", VIDEO]
    words += ["--task", "classification", "--frames", str(arguments.frames), "--overwrite"]
    words += ["--sla-ms", f"{sla_ms:g}", "--scenario", str(scenario), "--out", str(folder), *more]
    for system in systems:
        words += ["--policy", system]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return dict(result["systems"])


def scenarios(
    arguments: argparse.Namespace, levels: Sequence[dict[str, object]]
) -> dict[str, Path]:
    """Idle, and steps through all levels, a fifth of the frames each."""
    names = ("cpu_cores", "cpu_share", "memory_mb_s", "gpu_share")
    length = max(arguments.frames // 5, 1)
    # From idle to the others and back: each step is a change.
    order = [levels[i % len(levels)] for i in range(5)]
    steps = {i * length: {key: own[key] for key in names} for i, own in enumerate(order)}
    paths = {}
    for name, content in (("idle", {}), ("contended", {"contention_steps": steps})):
        paths[name] = arguments.cache / f"{name}.yaml"
        paths[name].write_text(yaml.safe_dump(content), encoding="utf-8")
    return paths


def _rows(systems: dict[str, dict[str, object]], sla_ms: float, when: str) -> Iterator[str]:
    for name, entry in systems.items():
        figures = entry["figures"]
        yield (
            f"| {sla_ms:g} ms, {when} | {name} | {figures['top1']:.3f} "
            f"| {100 * figures['violation_share']:.1f} % | {figures['mean_processing_ms']:.1f} ms "
            f"| {figures['p95_processing_ms']:.1f} ms | {figures['switches']:.0f} |"
        )


_HEAD = "| SLA | system | top-1 | late | mean | P95 | switches |\n|---|---|---|---|---|---|---|\n"


_RECORDED_HEAD = (
    "| SLA | machine | system | top-1 | behind who knows contention | late "
    "| late outside the first second after a step | mean | switches |\n" + "|---" * 9 + "|\n"
)


def recorded_table(world: RecordedWorld) -> str:
    """Ours, who knows more, and the best fixed branch, on latencies of the profile."""
    lines = []
    full = len(world.space) - 1
    for when, level in (("idle", world.idle), ("contended", world.contended)):
        for sla_ms in world.slas_ms:
            found = {"ours": world.run("most_accurate", sla_ms, level)}
            found |= world.known_afterwards(sla_ms, level)
            found[f"fixed {world.space[full]}"] = world.fixed(full, sla_ms, level)
            reference = found["knows contention"].top1
            lines += [_recorded_row(sla_ms, when, name, own, reference)
                      for name, own in found.items()]  # fmt: skip
    return _RECORDED_HEAD + "\n".join(lines) + "\n"


def _recorded_row(sla_ms: float, when: str, name: str, own: Outcome, reference: float) -> str:
    return (
        f"| {sla_ms:g} ms | {when} | {name} | {own.top1:.3f} | {reference - own.top1:+.3f} "
        f"| {100 * own.late:.1f} % | {100 * own.late_outside:.1f} % | {own.mean_ms:.1f} ms "
        f"| {own.switches} |"
    )


def mixed_table(world: RecordedWorld) -> str:
    """Least latency at an accuracy, against the whole network all the time."""
    full = world.fixed(len(world.space) - 1, 1e3, world.idle)
    agnostic = float(world.network.accuracy.agnostic.max())
    lines = [f"| whole network, always | {full.top1:.3f} | | {full.mean_ms:.1f} ms | |"]
    for less in (0.0, 0.01, 0.02, 0.04):
        own = world.run("least_latency", 1e3, world.idle, agnostic - less)
        lines.append(
            f"| least_latency, accuracy {agnostic - less:.3f} | {own.top1:.3f} "
            f"| {own.top1 - full.top1:+.3f} | {own.mean_ms:.1f} ms "
            f"| {own.mean_ms / full.mean_ms:.2f} |"
        )
    head = "| system | top-1 | difference | mean latency | share of the whole network's |\n"
    return head + "|---" * 5 + "|\n" + "\n".join(lines) + "\n"


def category_table(world: RecordedWorld) -> str:
    """Accuracy of every branch by complexity."""
    counts = np.bincount(world.categories, minlength=7)
    head = "| branch | " + " | ".join(f"{c} ({n} frames)" for c, n in enumerate(counts))
    lines = [f"{head} | all |", "|---" * 9 + "|"]
    everywhere = world.right.mean(axis=1)
    for (name, values), overall in zip(world.by_category(), everywhere, strict=True):
        cells = " | ".join("" if np.isnan(value) else f"{value:.3f}" for value in values)
        lines.append(f"| {name} | {cells} | {overall:.3f} |")
    return "\n".join(lines) + "\n"


def clip_frames(seeds: Sequence[int] = range(500, 540)) -> Iterator[LabelledFrame]:
    """A frame of each of many clips, a quarter of them from each scenario: none tells of another.

    The clips of `VIDEOS` are few, and all frames of one are right or wrong together.
    """
    rng, clips, length = np.random.default_rng(0), 8, 200
    for scenario in CLIP_SCENARIOS:
        for seed in seeds:
            video = SyntheticVideo(scenario, "test", seed, clips * length)
            for clip in range(clips):
                index = clip * length + int(rng.integers(length))
                rendered = video.render(index)
                yield LabelledFrame(Frame(rendered.image, 0, "", index), rendered.ground_truth)


def depth_table() -> str:
    """What each exit is worth at the largest shape, and each shape at the last exit."""
    network, _, _ = _network()
    shapes = {pair.shape for pair in network.pairs}
    pairs = [pair for pair in network.pairs if pair.shape == max(shapes)]
    pairs += [
        max(pair for pair in network.pairs if pair.shape == shape)
        for shape in sorted(shapes, reverse=True)[1:]
    ]
    categories, right = [], []
    for entry in clip_frames():
        image, label = entry.frame.image, entry.ground_truth.label
        height, width = image.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        energy = edge_energy(small_grey(image))
        categories.append(int(np.searchsorted(network.complexity_edges, energy, side="right")))
        right.append([network.classify(image, whole, pair)[0].argmax() == label for pair in pairs])
    groups = {"0 and 1": (0, 1), "2 and 3": (2, 3), "4 and 5": (4, 5), "6": (6,), "all": range(7)}
    rows = {name: np.array(right)[np.isin(categories, own)] for name, own in groups.items()}
    reference = pairs.index(max(pair for pair in pairs if pair.shape == max(shapes)))
    heads = [f"{name} ({len(own)} frames)" for name, own in rows.items()]
    lines = [f"| branch | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for index, pair in enumerate(pairs):
        cells = [_beside(own[:, index], own[:, reference]) for own in rows.values()]
        lines.append(f"| {pair} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _beside(own: np.ndarray, other: np.ndarray) -> str:
    """Top-1, and how far it is from another branch's on the same frames, with standard error."""
    difference = own.astype(float) - other
    if own is other or not difference.any():
        return f"{own.mean():.3f}"
    error = difference.std() / np.sqrt(len(difference))
    return f"{own.mean():.3f} ({difference.mean():+.3f} ± {error:.3f})"


def early_exit_table(path: Path) -> str:
    """A network that leaves where it is sure enough (MSDNet-like), at several thresholds."""
    network = load_classifier("approxnet", _options(str(path)))
    lines = ["| leaves from a probability of | top-1 | median | P95 |", "|---|---|---|---|"]
    entries = [entry for name, count in VIDEOS for entry in open_source(name, None, count // 2)]
    for confidence in (0.5, 0.7, 0.9, 0.97, 2.0):
        network.confidence = confidence
        right, took = [], []
        for entry in entries:
            height, width = entry.frame.image.shape[:2]
            whole = np.array([[0, 0, width, height]], np.float32)
            start = time.perf_counter()
            found = network.classify(entry.frame.image, whole, max(network.pairs))
            took.append(1e3 * (time.perf_counter() - start))
            right.append(found[0].argmax() == entry.ground_truth.label)
        name = "never" if confidence > 1 else f"{confidence:g}"
        lines.append(f"| {name} | {np.mean(right):.3f} | {np.median(took):.1f} ms "
                     f"| {np.percentile(took, 95):.1f} ms |")  # fmt: skip
    return "\n".join(lines) + "\n"


def live_table(arguments: argparse.Namespace, slas: Sequence[float]) -> str:
    """On this machine, beside networks of others; contention is made."""
    records = ProfileRecords.load(arguments.profile.with_suffix(".records.json"))
    names = {"most_accurate": "ours"}
    lines = []
    for when, scenario in scenarios(arguments, records.metadata["levels"]).items():
        for sla_ms in slas:
            systems = ["most_accurate", *baseline_files(arguments)]
            more = ["--profile", str(arguments.profile)]
            found = compare(arguments, f"live_{when}", sla_ms, systems, scenario, more)
            found = {names.get(name, name): entry for name, entry in found.items()}
            lines += _rows(found, sla_ms, when)
    return _HEAD + "\n".join(lines) + "\n"


def baseline_files(arguments: argparse.Namespace) -> Iterator[str]:
    """A file that describes each system whose weights are there; says which are not."""
    folder = arguments.baselines
    weights = {name: folder / name / "weights.onnx" for name in BASELINES if name != EARLY_EXIT}
    for name in [name for name, path in weights.items() if not path.is_file()]:
        print(f"{name} ({BASELINES[name]}) is left out: {weights.pop(name)} is not there")
    pairs = {
        name: load_classifier("approxnet", _options(str(path))).pairs
        for name, path in weights.items()
    }  # fmt: skip
    for name, path in weights.items():
        content = {"policy": "fixed", "task": "classification", "weights": str(path),
                   "branch": str(max(pairs[name]))}  # fmt: skip
        yield _described(arguments, name, content)
    if all(name in weights for name in ENSEMBLE):
        space = arguments.cache / "ensemble.space.yaml"
        own = [{"shape": p.shape, "exit": [p.exit]} for name in ENSEMBLE for p in pairs[name]]
        space.write_text(yaml.safe_dump({"name": "ensemble", "pairs": own}), encoding="utf-8")
        files = ",".join(str(weights[name]) for name in ENSEMBLE)
        content = {"policy": "most_accurate", "task": "classification", "space": str(space),
                   "profile": None, "weights": files}  # fmt: skip
        yield _described(arguments, "swapping_ensemble", content)


def _described(arguments: argparse.Namespace, name: str, content: dict[str, str]) -> str:
    path = arguments.cache / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


if __name__ == "__main__":
    main()
