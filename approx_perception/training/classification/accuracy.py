"""What each branch of a trained classifier is worth, by category of complexity."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.classifiers import Classifier
from approx_perception.exceptions import counted
from approx_perception.files import replace_bytes
from approx_perception.kernels.complexity import complexity_edges, edge_energy, small_grey
from approx_perception.notices import notice
from approx_perception.structures.complexity import COMPLEXITY_CATEGORIES
from approx_perception.training.classification.samples import Sample

__all__ = ["AccuracyTable", "edges_of", "measure_accuracy", "model_card"]


class AccuracyTable:
    """Counts of frames that a classifier's pairs name rightly.

    Attributes
    ----------
    classifier
        What was measured.
    right
        ``(pairs, categories)`` int64.
    frames
        ``(categories,)`` int64.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.right = np.zeros((len(classifier.pairs), COMPLEXITY_CATEGORIES), np.int64)
        self.frames = np.zeros(COMPLEXITY_CATEGORIES, np.int64)

    def add(self, sample: Sample) -> None:
        """Classify a sample with every pair."""
        energy = edge_energy(small_grey(sample.image))
        category = int(np.searchsorted(self.classifier.complexity_edges, energy, side="right"))
        height, width = sample.image.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        self.frames[category] += 1
        for row, pair in enumerate(self.classifier.pairs):
            found = self.classifier.classify(sample.image, whole, pair)[0]
            self.right[row, category] += int(found.argmax()) == sample.label

    def rows(self) -> Iterator[tuple[str, list[float | None], float]]:
        """Text of each pair, its top-1 in each category (None without frames) and in all."""
        total = max(int(self.frames.sum()), 1)
        for pair, right in zip(self.classifier.pairs, self.right, strict=True):
            shares = [
                round(int(hits) / int(count), 4) if count else None
                for hits, count in zip(right, self.frames, strict=True)
            ]
            yield str(pair), shares, int(right.sum()) / total

    def save(self, path: Path, origin: str) -> None:
        """Write what the scheduler reads beside the weights, ``NAME.accuracy.json``.

        A table of no images is left out, with a notice: it would tell nothing.
        """
        if not self.frames.any():
            path.unlink(missing_ok=True)
            notice(f"no held-out image could be read: {path.name} is not written")
            return
        content = {
            "origin": origin,
            "task": "classification",
            "top1": {text: shares for text, shares, _ in self.rows()},
            "frames": self.frames.tolist(),
        }
        replace_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def measure_accuracy(classifier: Classifier, samples: Iterable[Sample]) -> AccuracyTable:
    """Classify all samples with every pair."""
    table = AccuracyTable(classifier)
    for sample in samples:
        table.add(sample)
    return table


def model_card(table: AccuracyTable, data: str, recipe: dict[str, object]) -> str:
    """Say in Markdown what was trained, on what, and what each branch is worth."""
    classifier = table.classifier
    path = classifier.weights_path
    assert path is not None
    heads = [f"category {number}" for number in range(COMPLEXITY_CATEGORIES)]
    lines = [
        f"# Model card: {path.stem}", "",
        f"Classes: {', '.join(classifier.class_names)}. "
        f"File: {classifier.memory_bytes / 1e6:.1f} MB; all "
        f"{counted(len(classifier.pairs), 'branch')} "
        "share these weights.", "",
        f"Trained on: {data}. Recipe: {', '.join(f'{k} {v}' for k, v in recipe.items())}.", "",
        f"Top-1 of images that were held out ({counted(int(table.frames.sum()), 'frame')}), by "
        "category of "
        "complexity (0 is easy):", "",
        f"| branch | {' | '.join(heads)} | all |", f"|---|{'---|' * (len(heads) + 1)}",
    ]  # fmt: skip
    for text, shares, overall in table.rows():
        cells = ["-" if share is None else f"{share:.2f}" for share in shares]
        lines.append(f"| {text} | {' | '.join(cells)} | {overall:.3f} |")
    counts = " | ".join(str(count) for count in table.frames)
    lines.append(f"| frames | {counts} | {int(table.frames.sum())} |")
    return "\n".join(lines) + "\n"


def edges_of(samples: Iterable[Sample]) -> npt.NDArray[np.float64]:
    """Learn the bounds between categories of complexity, see `complexity_edges`."""
    edges = complexity_edges([edge_energy(small_grey(sample.image)) for sample in samples])
    # Images that are all alike would leave categories without extent.
    return edges + 1e-6 * np.arange(len(edges))
