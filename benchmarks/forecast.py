"""What boxes for now are worth: streaming AP50 with and without a forecast.

    python benchmarks/forecast.py --weights yolox_nano.onnx --people SEQUENCE SEQUENCE \
        --vehicles SEQUENCE --out docs/results/forecast.md

The networks are real, their latency is given, so that the figures are the same on every machine. A
camera delivers the frames, at 30 fps and faster; what comes while the frame before is processed is
dropped but for the newest. At the time of each frame's truth, the newest output is scored: as it
is; carried to the time at which it was published (horizon 0); carried to that time plus one frame.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from approx_perception.association import Associator, Forecast
from approx_perception.branches import TrackerSettings
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap, ClassTable
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.kernels.candidates import candidates
from approx_perception.metrics.average_precision import match_frame, mean_ap50
from approx_perception.structures import Detections
from approx_perception.trackers import create_tracker

VEHICLES = ClassTable(dict.fromkeys(("car", "truck", "bus"), "vehicle"), {1: "vehicle"})
RATES_HZ = (30, 60, 120)
#: What a detection takes; a tracked frame takes `TRACKED_MS`.
DETECTED_MS, TRACKED_MS = (15.0, 30.0, 60.0), 5.0
INTERVALS = (1, 4)
COLUMNS = (
    "sequence", "camera", "si", "detection, ms", "`detections`", "carried to publishing",
    "one frame further",
)  # fmt: skip
TITLE = """# Boxes for now
sAP50 with and without a forecast; what the columns are: [results](../results.md#boxes-for-now).

"""


@dataclass(frozen=True)
class Recorded:
    """Frames of a source and what is detected in each."""

    name: str
    class_map: ClassMap
    frames: Sequence[LabelledFrame]
    found: Sequence[Detections]


@dataclass(frozen=True)
class Published:
    """An output and when it was out, in s."""

    time_s: float
    frame_s: float
    forecast: Forecast

    def carried(self, horizon_s: float | None) -> Detections:
        """Output as it is, or carried to the time of publishing and further."""
        if horizon_s is None:
            return self.forecast.detections
        return self.forecast.after(1e3 * (self.time_s - self.frame_s + horizon_s))


def detected(options: SourceOptions, detector: Any, shape: int, nprop: int | None) -> Recorded:
    source, settings = options.open(), DetectorSettings(shape, nprop)
    frames = list(source)
    found = [candidates(detector.detect(entry.frame.image, settings)) for entry in frames]
    class_map = ClassMap(detector.class_names, source.class_names, options.class_map.names)
    return Recorded(options.label, class_map, frames, found)


def published(
    sequence: Recorded, rate_hz: float, detected_ms: float, si: int
) -> Iterator[Published]:
    """All outputs of a system that takes so long, in the order in which they are out."""
    associator, tracker = Associator(), create_tracker(TrackerSettings("median_flow", 1))
    free_s, in_group = 0.0, 0
    for index, entry in enumerate(sequence.frames):
        frame_s, image = index / rate_hz, entry.frame.image
        start_s = max(free_s, frame_s)
        if start_s >= frame_s + 1 / rate_hz:
            continue
        when = round(frame_s * 1e9), index
        if in_group == 0:
            objects = associator.associate(sequence.found[index], *when)
            tracker.initialize(image, objects)
        else:
            objects = associator.follow(tracker.update(image), *when)
        free_s = start_s + (TRACKED_MS if in_group else detected_ms) / 1e3
        in_group = (in_group + 1) % si
        size = image.shape[1], image.shape[0]
        yield Published(free_s, frame_s, associator.forecast(objects, size, 0.0))


def streaming_ap50(
    sequence: Recorded, rate_hz: float, outputs: Sequence[Published], horizon_s: float | None
) -> float:
    """AP50 of what is known at each frame's time, against what is there then."""
    matches, newest = [], 0
    for index, entry in enumerate(sequence.frames):
        while newest < len(outputs) and outputs[newest].time_s <= index / rate_hz:
            newest += 1
        if entry.ground_truth is not None:
            known = outputs[newest - 1].carried(horizon_s) if newest else Detections.empty()
            matches.append(match_frame(sequence.class_map.apply(known), entry.ground_truth))
    return mean_ap50(matches, len(sequence.class_map.truth_names)).mean


def rows_of(recorded: Recorded) -> Iterator[list[str]]:
    """One row a camera, interval and latency."""
    for rate_hz, si, detected_ms in product(RATES_HZ, INTERVALS, DETECTED_MS):
        outputs = list(published(recorded, rate_hz, detected_ms, si))
        scores = (
            streaming_ap50(recorded, rate_hz, outputs, horizon_s)
            for horizon_s in (None, 0.0, 1 / rate_hz)
        )
        yield [
            recorded.name, f"{rate_hz} fps", str(si), f"{detected_ms:g}",
            *(f"{score:.3f}" for score in scores),
        ]  # fmt: skip


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The page docs/results/forecast.md."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return TITLE + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="an ONNX detector, for the sequences")
    parser.add_argument("--people", nargs="*", default=[], metavar="SEQUENCE")
    parser.add_argument("--vehicles", nargs="*", default=[], metavar="SEQUENCE")
    parser.add_argument("--synthetic", default="synthetic:rush", metavar="SOURCE")
    parser.add_argument("--shape", type=int, default=416)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the table as a page, too")
    arguments = parser.parse_args()
    people = [SourceOptions(name) for name in arguments.people]
    vehicles = [SourceOptions(name, class_map=VEHICLES) for name in arguments.vehicles]
    sequences = []
    if people or vehicles:
        detector = load_detector("yolox", DetectorOptions(arguments.weights))
        sequences = [
            detected(each, detector, arguments.shape, None) for each in (*people, *vehicles)
        ]
    shipped = load_detector("faster_rcnn", DetectorOptions())
    sequences.append(detected(SourceOptions(arguments.synthetic, frames=120), shipped, 320, 100))
    rows = [row for each in sequences for row in rows_of(each)]
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    if arguments.out:
        arguments.out.write_text(markdown(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
