"""Identities on recorded detections: ours beside trackers of two libraries.

    pip install --no-deps trackers==2.6.1 supervision==0.31.2 pydeprecate==0.14.0 defusedxml tqdm \
        norfair==2.3.0 filterpy
    python -P benchmarks/association.py --weights yolox_nano_dyn.onnx --people SEQUENCE SEQUENCE \
        --vehicles SEQUENCE

(-P: else benchmarks/trackers.py hides the library. --no-deps: trackers asks for opencv-python,
which would overwrite ours; norfair for an old NumPy that it does without.) The detector runs once a
frame and shape. At si 4 median_flow moves boxes between detections, and libraries see these as
detections. Each library's tracker runs at its defaults, on detections from each threshold on; ours
on all of them. Writes a table to the terminal.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from approx_perception.association import Associator
from approx_perception.branches import TrackerSettings
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap, ClassTable
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.kernels.candidates import candidates
from approx_perception.metrics.identity import identity_scores
from approx_perception.structures import Detections, GroundTruth
from approx_perception.trackers import TrackerUpdate, create_tracker

THRESHOLDS = (0.05, 0.3, 0.4, 0.5, 0.6, 0.7)
VEHICLES = ClassTable(dict.fromkeys(("car", "truck", "bus"), "vehicle"), {1: "vehicle"})
#: Gives the boxes of one frame identities, -1 for none.
Label = Callable[[Detections], np.ndarray]


@dataclass(frozen=True)
class Recorded:
    """One sequence at one shape: its frames and what was found or followed in them."""

    name: str
    class_map: ClassMap
    frames: list[LabelledFrame]
    found: list[Detections]
    updates: dict[int, TrackerUpdate]

    def followed(self, si: int) -> Iterator[Detections]:
        """Boxes of each frame that a library is given."""
        for index, detections in enumerate(self.found):
            update = None if si == 1 else self.updates.get(index)
            boxes = detections if update is None else update.detections.select(~update.lost)
            yield boxes.select(self.class_map.ids(boxes.class_ids) >= 0)


@dataclass(frozen=True)
class Labelled:
    """A sequence with identities, as `identity_scores` takes it."""

    recorded: Recorded
    outputs: list[Detections]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.recorded.class_map.truth_names

    def scored(self) -> Iterator[tuple[int, Detections, GroundTruth]]:
        for index, (entry, found) in enumerate(
            zip(self.recorded.frames, self.outputs, strict=True)
        ):
            if entry.ground_truth is not None:
                yield index, self.recorded.class_map.apply(found), entry.ground_truth


def record(options: SourceOptions, detector: Any, shape: int, si: int) -> Recorded:
    """Detect in every frame, and follow from every si-th one on."""
    source = options.open()
    frames, updates = list(source), {}
    settings, tracker = DetectorSettings(shape), create_tracker(TrackerSettings("median_flow", 1))
    found = [candidates(detector.detect(entry.frame.image, settings)) for entry in frames]
    for index, entry in enumerate(frames):
        if index % si == 0:
            tracker.initialize(entry.frame.image, found[index])
        else:
            updates[index] = tracker.update(entry.frame.image)
    class_map = ClassMap(detector.class_names, source.class_names, options.class_map.names)
    return Recorded(options.label, class_map, frames, found, updates)


def ours(recorded: Recorded, si: int) -> Labelled:
    """As the kernel does."""
    associator, outputs = Associator(), []
    for index, (entry, found) in enumerate(zip(recorded.frames, recorded.found, strict=True)):
        when = entry.frame.stamp_ns, entry.frame.sequence
        if si > 1 and index in recorded.updates:
            outputs.append(associator.follow(recorded.updates[index], *when))
        else:
            outputs.append(associator.associate(found, *when))
    return Labelled(recorded, outputs)


def theirs(recorded: Recorded, si: int, label: Label, threshold: float) -> Labelled:
    """A library's tracker on detections of at least this score."""
    kept = [boxes.with_score(threshold) for boxes in recorded.followed(si)]
    return Labelled(recorded, [replace(boxes, track_ids=label(boxes)) for boxes in kept])


def from_trackers(name: str) -> Callable[[], Label]:
    """Roboflow's trackers (Apache-2.0), by the name of the class."""
    import supervision
    import trackers

    def start() -> Label:
        tracker = getattr(trackers, name)()

        def label(boxes: Detections) -> np.ndarray:
            given = supervision.Detections(
                xyxy=boxes.boxes.copy(), confidence=boxes.scores.copy(),
                class_id=boxes.class_ids.copy(), data={"row": np.arange(len(boxes))},
            )  # fmt: skip
            answer, ids = tracker.update(given), np.full(len(boxes), -1)
            if len(answer):
                ids[answer.data["row"]] = answer.tracker_id
            return ids

        return label

    return start


def from_norfair() -> Label:
    """Norfair (BSD-3-Clause), with the IoU distance and threshold of its examples."""
    import norfair

    tracker = norfair.Tracker("iou", 0.7)

    def label(boxes: Detections) -> np.ndarray:
        given = [
            norfair.Detection(box.reshape(2, 2).astype(float), np.full(2, score))
            for box, score in zip(boxes.boxes, boxes.scores, strict=True)
        ]
        rows, ids = {id(each): row for row, each in enumerate(given)}, np.full(len(boxes), -1)
        for tracked in tracker.update(given):
            if (row := rows.get(id(tracked.last_detection))) is not None:
                ids[row] = tracked.id
        return ids

    return label


def cells(labelled: Sequence[Labelled]) -> list[str]:
    """Scores of all sequences together, and of each."""
    names = dict.fromkeys(each.recorded.name for each in labelled)
    parts = [labelled, *([e for e in labelled if e.recorded.name == name] for name in names)]
    scores = [identity_scores(part) for part in parts]  # type: ignore[arg-type]
    return [f"{s.idf1:.3f} {s.hota:.3f} {s.mota:.3f} {s.id_switches}" for s in scores]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="yolox")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--people", nargs="*", default=[], help="sequences of MOTChallenge")
    parser.add_argument("--vehicles", nargs="*", default=[], help="the same, class 1 is a vehicle")
    parser.add_argument("--shapes", type=int, nargs="+", default=[288, 416])
    parser.add_argument("--si", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    options = [SourceOptions(name) for name in arguments.people]
    options += [SourceOptions(name, class_map=VEHICLES) for name in arguments.vehicles]
    detector = load_detector(
        arguments.detector, DetectorOptions(arguments.weights, num_threads=arguments.threads)
    )
    libraries = {
        f"trackers {name}": from_trackers(f"{name}Tracker")
        for name in ("SORT", "ByteTrack", "OCSORT", "CBIoU")
    } | {"norfair": from_norfair}
    print("IDF1, HOTA, MOTA, identity switches\n")
    for si in arguments.si:
        recorded = [record(o, detector, shape, si) for o in options for shape in arguments.shapes]
        heads = ["all", *dict.fromkeys(each.name for each in recorded)]
        print(f"| si {si} | from score | {' | '.join(heads)} |\n{'|---' * (len(heads) + 2)}|")
        print(f"| ours | | {' | '.join(cells([ours(each, si) for each in recorded]))} |")
        for name, start in libraries.items():
            for threshold in THRESHOLDS:
                labelled = [theirs(each, si, start(), threshold) for each in recorded]
                print(f"| {name} | {threshold} | {' | '.join(cells(labelled))} |", flush=True)
        print()


if __name__ == "__main__":
    main()
