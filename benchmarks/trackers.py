"""What following objects costs: every tracker, and batched MedianFlow against OpenCV's own.

    python benchmarks/trackers.py

All trackers take turns on the same frames, so that drift of the machine hits all alike. Prints
medians and P95 of initialisation and step, and the ratio to OpenCV's MedianFlow, one object after
the other, in the same run.
"""

import argparse
import time
from itertools import pairwise

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from approx_perception.branches import TrackerSettings
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.structures import Detections
from approx_perception.trackers import Tracker, create_tracker
from approx_perception.trackers._base import Image, Mask

REFERENCE = "OpenCV MedianFlow/1"
SETTINGS = [
    TrackerSettings(name, ds)
    for name, ds in (
        ("median_flow", 1),
        ("median_flow", 2),
        ("median_flow", 4),
        ("kcf", 4),
        ("csrt", 4),
        ("mosse", 1),
        ("dense_flow", 4),
        ("dis_flow", 1),
        ("dis_flow", 2),
    )
]


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


def measure(counts: list[int], repeats: int) -> dict[tuple[str, int], np.ndarray]:
    """Return (repeats, 2) ms of initialisation and step, for each tracker and object count."""
    trackers = {f"{s.name}/{s.ds}": create_tracker(s) for s in SETTINGS}
    trackers[REFERENCE] = OpenCVMedianFlow(1)
    samples: dict[tuple[str, int], list[tuple[float, float]]] = {}
    video = SyntheticVideo("crowd", "test", 1, repeats + 2)
    frames = [video.render(index) for index in range(repeats + 2)]
    for before, after in pairwise(frames):
        truth = before.ground_truth
        for count in counts:
            keep = np.flatnonzero(~truth.ignored)[:count]
            objects = Detections.from_arrays(
                truth.boxes[keep], np.ones(len(keep)), truth.class_ids[keep]
            )
            for name, tracker in trackers.items():
                start = time.perf_counter()
                tracker.initialize(before.image, objects)
                middle = time.perf_counter()
                tracker.update(after.image)
                end = time.perf_counter()
                samples.setdefault((name, count), []).append(
                    (1e3 * (middle - start), 1e3 * (end - middle))
                )
    # The first round preheats.
    return {key: np.array(rows[1:]) for key, rows in samples.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2, help="of OpenCV")
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    samples = measure(arguments.counts, arguments.repeats)
    table = Table(
        "tracker/ds", "objects", "initialise ms", "step ms", "P95", "step / OpenCV MedianFlow",
        title=f"640x480, {arguments.repeats} frames, {arguments.threads} threads",
    )  # fmt: skip
    for (name, count), rows in sorted(samples.items(), key=lambda item: (item[0][1], item[0][0])):
        initialize, step = np.median(rows, axis=0)
        reference = np.median(samples[REFERENCE, count][:, 1])
        p95 = np.percentile(rows[:, 1], 95)
        table.add_row(
            name, str(count), f"{initialize:.2f}", f"{step:.2f}", f"{p95:.2f}",
            f"{step / reference:.2f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
