"""Make the accuracy table of weights on synthetic video, and say what each knob is worth.

    python benchmarks/branch_accuracy.py --split val --out out/accuracy

writes accuracy.json (what the scheduler reads, put beside the weights as NAME.accuracy.json)
and accuracy.md (tables by scenario).
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rich.progress import Progress

from approx_perception.accuracy.table import AccuracyTable
from approx_perception.assembly import load_space
from approx_perception.branches import Branch, BranchSpace
from approx_perception.datasets import FrameSource
from approx_perception.datasets.class_map import ClassMap
from approx_perception.datasets.synthetic import SCENARIOS, SyntheticVideo
from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.metrics.average_precision import FrameMatch, mean_ap50
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.simulation.replay import matcher, replay_all


@dataclass(frozen=True)
class BranchAccuracy:
    """AP50 of every branch, over all sources together and of each by its name."""

    overall: dict[Branch, float]
    by_source: dict[Branch, dict[str, float]]


def measure(
    kernel: DetectionKernel, sources: Sequence[FrameSource], report: Callable[[int, int], None]
) -> BranchAccuracy:
    """Score every branch on sources that have ground truth, a source at a time in memory."""
    scoring = scoring_of(kernel.task)
    matches: dict[Branch, dict[str, list[FrameMatch]]] = {branch: {} for branch in kernel.space}
    done = 0
    for source in sources:
        frames = [entry for entry in source if entry.ground_truth is not None]
        class_map = ClassMap(kernel.class_names, source.class_names)
        for own in replay_all(kernel, frames, matcher(scoring, frames, class_map)):
            for position, found in own.matches.items():
                matches[kernel.space[position]].setdefault(source.name, []).extend(found)
            done += len(own.matches)
            report(done, len(kernel.space) * len(sources))
    class_count = len(sources[0].class_names)
    return BranchAccuracy(
        {b: mean_ap50(list(chain(*p.values())), class_count).mean for b, p in matches.items()},
        {
            branch: {name: mean_ap50(found, class_count).mean for name, found in parts.items()}
            for branch, parts in matches.items()
        },
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="")
    parser.add_argument("--space", default="faster_rcnn", help="YAML file or shipped space")
    parser.add_argument("--split", default="val", choices=("val", "test"))
    parser.add_argument("--frames", type=int, default=64, help="of each scenario")
    parser.add_argument("--seeds", type=int, default=1, help="videos of each scenario")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def scenario_table(accuracy: BranchAccuracy, branches: list[Branch]) -> str:
    """Markdown: a row for each branch, a column for each scenario."""
    names = list(SCENARIOS)
    lines = [
        "| branch | all | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    for branch in branches:
        by_scenario = accuracy.by_source[branch]
        cells = " | ".join(f"{by_scenario[f'synthetic:{name}']:.3f}" for name in names)
        lines.append(f"| `{branch}` | {accuracy.overall[branch]:.3f} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    arguments = parse_arguments()
    space: BranchSpace = load_space(arguments.space, "faster_rcnn")
    detector = load_detector("faster_rcnn", DetectorOptions(arguments.weights))
    videos = [
        SyntheticVideo(name, arguments.split, seed, arguments.frames)
        for name in SCENARIOS
        for seed in range(arguments.seeds)
    ]
    with Progress() as progress:
        task = progress.add_task("branches", total=None)
        accuracy = measure(
            DetectionKernel(detector, space),
            videos,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    origin = (
        f"{detector.description}; synthetic {arguments.split} split, {len(SCENARIOS)} scenarios x "
        f"{arguments.seeds} videos x {arguments.frames} frames; AP50 all-point, scores from 0.05"
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = AccuracyTable(origin, accuracy.overall)
    (arguments.out / "accuracy.json").write_text(json.dumps(table.to_dict(), indent=1) + "\n")
    branches = sorted(space, key=lambda branch: -accuracy.overall[branch])
    text = f"{origin}\n\n{scenario_table(accuracy, branches)}\n"
    (arguments.out / "accuracy.md").write_text(text)


if __name__ == "__main__":
    main()
