"""What following objects costs and how well it is done, beside OpenCV's MedianFlow.

    python benchmarks/trackers.py
    python benchmarks/trackers.py --all --counts 1 8 16
    python benchmarks/trackers.py --quality SEQUENCE SEQUENCE

OpenCV's runs as its MultiTracker does: one tracker an object. All take turns on the same pairs of
frames, so that drift of the machine hits all alike. Ratios are to OpenCV's in the same run.
Sequences are folders in MOTChallenge layout: from every second frame on, true boxes are followed
over 8 frames and compared with the truth; a lost object counts as IoU 0.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from approx_perception.branches import TrackerSettings
from approx_perception.datasets import LabelledFrame, open_source
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.structures import Detections, GroundTruth
from approx_perception.structures.boxes import iou_matrix
from approx_perception.trackers import Tracker, create_tracker
from approx_perception.trackers._base import Image, Mask

REFERENCE = "OpenCV MedianFlow"
MEDIAN_FLOW = [TrackerSettings("median_flow", ds) for ds in (1, 2, 4)]
OTHERS = [
    TrackerSettings(name, ds)
    for name, ds in (
        ("kcf", 4), ("csrt", 4), ("mosse", 1), ("dense_flow", 4), ("dis_flow", 1), ("dis_flow", 2),
    )
]  # fmt: skip
#: Frames over which objects are followed, and from one start to the next.
HORIZON, STRIDE = 8, 2

Size = tuple[int, int]


class OpenCVMedianFlow(Tracker):
    """One tracker an object, each with its own pyramids: how it is usually done."""

    uses_colour = True

    def _start(self, image: Image, boxes: np.ndarray) -> None:
        self._boxes = boxes.copy()
        self._trackers = []
        for x1, y1, x2, y2 in boxes.astype(int).tolist():
            tracker = cv2.legacy.TrackerMedianFlow_create()
            tracker.init(image, (x1, y1, x2 - x1, y2 - y1))
            self._trackers.append(tracker)

    def _move(self, image: Image) -> tuple[np.ndarray, Mask]:
        found = np.zeros(len(self._boxes), bool)
        for index, tracker in enumerate(self._trackers):
            found[index], (x, y, width, height) = tracker.update(image)
            if found[index]:
                self._boxes[index] = x, y, x + width, y + height
        return self._boxes, found


def trackers(settings: Sequence[TrackerSettings]) -> dict[str, Tracker]:
    """Build ours, and OpenCV's last."""
    ours = {f"{each.name}/{each.ds}": create_tracker(each) for each in settings}
    return {**ours, REFERENCE: OpenCVMedianFlow(1)}


def pairs(size: Size, count: int, repeats: int) -> Iterator[tuple[Image, Image, Detections]]:
    """Pairs of successive images of a crowd, and so many boxes: true ones, then made-up ones."""
    video, rng = SyntheticVideo("crowd", "test", 1, repeats + 2), np.random.default_rng(0)
    for before, after in pairwise(video.render(index) for index in range(repeats + 2)):
        images = [cv2.resize(each.image, size) for each in (before, after)]
        scale = np.array(size) / before.image.shape[1::-1]
        side = scale * rng.uniform(40, 120, (count, 1)) * [0.6, 1.4]
        centre = rng.uniform(0.1, 0.9, (count, 2)) * size
        made_up = np.concatenate([centre - side / 2, centre + side / 2], axis=1)
        true = rng.permutation(before.ground_truth.boxes[~before.ground_truth.ignored])
        boxes = np.concatenate([np.tile(scale, 2) * true, made_up])[:count]
        yield *images, Detections.from_arrays(boxes, np.ones(count), np.zeros(count))


def measure(
    settings: Sequence[TrackerSettings], size: Size, count: int, repeats: int
) -> dict[str, np.ndarray]:
    """Return (repeats, 2) ms of initialisation and step of each tracker."""
    samples: dict[str, list[tuple[float, float]]] = {}
    tried = trackers(settings)
    for turn, (before, after, objects) in enumerate(pairs(size, count, repeats)):
        # Each is first, and after each other, equally often.
        for name in np.roll(list(tried), turn).tolist():
            start = time.perf_counter()
            tried[name].initialize(before, objects)
            middle = time.perf_counter()
            tried[name].update(after)
            end = time.perf_counter()
            row = 1e3 * (middle - start), 1e3 * (end - middle)
            samples.setdefault(name, []).append(row)
    # The first round preheats.
    return {name: np.array(rows[1:]) for name, rows in samples.items()}


def followed(tracker: Tracker, entries: Sequence[LabelledFrame]) -> tuple[np.ndarray, float]:
    """Return the mean IoU with the truth after 1 to 8 frames, and the share of lost objects."""
    ious: list[list[float]] = [[] for _ in range(HORIZON)]
    lost = 0
    for start in range(0, len(entries) - 1, STRIDE):
        truth = _counted(entries[start].ground_truth)
        objects = Detections.from_arrays(truth.boxes, np.ones(len(truth)), truth.class_ids)
        tracker.initialize(entries[start].frame.image, objects)
        for step, entry in enumerate(entries[start + 1 : start + 1 + HORIZON]):
            update, now = tracker.update(entry.frame.image), _counted(entry.ground_truth)
            for row, track in enumerate(truth.track_ids):
                for there in np.flatnonzero(now.track_ids == track):
                    pair = update.detections.boxes[[row]], now.boxes[[there]]
                    ious[step].append(0.0 if update.lost[row] else float(iou_matrix(*pair)[0, 0]))
                    lost += int(update.lost[row])
    return np.array([np.mean(each) for each in ious]), lost / sum(map(len, ious))


def _counted(truth: GroundTruth | None) -> GroundTruth:
    assert truth is not None, "the sequence has no ground truth"
    keep = ~truth.ignored
    return GroundTruth(
        truth.boxes[keep], truth.class_ids[keep], truth.track_ids[keep], truth.ignored[keep]
    )


def speed_table(size: Size, samples: Mapping[tuple[int, str], np.ndarray]) -> Table:
    table = Table(
        "objects", "tracker/ds", "initialise ms", "step ms", "P95", "step / OpenCV", "P95 / OpenCV",
        title=f"{size[0]}x{size[1]}, {cv2.getNumThreads()} threads",
    )  # fmt: skip
    for (count, name), rows in samples.items():
        reference = samples[count, REFERENCE][:, 1]
        initialize, step = np.median(rows, axis=0)
        p95 = np.percentile(rows[:, 1], 95)
        table.add_row(
            str(count), name, f"{initialize:.2f}", f"{step:.2f}", f"{p95:.2f}",
            f"{step / np.median(reference):.2f}", f"{p95 / np.percentile(reference, 95):.2f}",
        )  # fmt: skip
    return table


def quality_table(settings: Sequence[TrackerSettings], sequences: Sequence[str]) -> Table:
    table = Table(
        "sequence", "tracker/ds", "mean IoU", *(f"{step + 1}" for step in range(HORIZON)), "lost",
        title=f"IoU with the truth after 1 to {HORIZON} frames",
    )  # fmt: skip
    for sequence in sequences:
        entries = list(open_source(sequence))
        for name, tracker in trackers(settings).items():
            ious, lost = followed(tracker, entries)
            table.add_row(
                Path(sequence).name, name, f"{ious.mean():.3f}", *(f"{iou:.2f}" for iou in ious),
                f"{lost:.3f}",
            )  # fmt: skip
    return table


def _size(text: str) -> Size:
    width, height = map(int, text.split("x"))
    return width, height


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 4, 8, 16, 32, 100])
    parser.add_argument("--sizes", type=_size, nargs="+", default=[(640, 480), (1920, 1080)])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2, help="of OpenCV")
    parser.add_argument("--all", action="store_true", help="other trackers too")
    parser.add_argument("--quality", nargs="+", metavar="SEQUENCE", help="in place of speed")
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    settings = MEDIAN_FLOW + OTHERS if arguments.all else MEDIAN_FLOW
    if arguments.quality:
        Console().print(quality_table(settings, arguments.quality))
        return
    for size in arguments.sizes:
        samples = {
            (count, name): rows
            for count in arguments.counts
            for name, rows in measure(settings, size, count, arguments.repeats).items()
        }
        Console().print(speed_table(size, samples))


if __name__ == "__main__":
    main()
