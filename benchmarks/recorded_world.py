"""What several benchmarks share: saved detections and latency traces, kept in a folder."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.progress import track

from approx_perception.assembly import KernelOptions, load_network, load_space
from approx_perception.assembly.measuring import PartTimer
from approx_perception.assembly.tasks import task_of
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import MonotonicClock
from approx_perception.datasets import LabelledFrame
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.files import Columns, read_columns, write_columns
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.kernels.detection_replay import detect_all
from approx_perception.latency.records import of_parts
from approx_perception.profiling.contention_generator import ContentionLevel
from approx_perception.profiling.profiler import Clip, join_units, time_level
from approx_perception.simulation.recorded_machine import LatencyTrace
from approx_perception.structures import Detections
from approx_perception.trackers import Tracker, TrackerUpdate

CORES = os.cpu_count() or 1
#: None of them is profiled: the profile has the idle machine, half of the cores, all of them at
#: 50 % and at 100 %, and as much memory traffic as one core makes.
UNSEEN_LEVELS = (
    ContentionLevel(),
    ContentionLevel(CORES, 0.25),
    ContentionLevel(CORES, 0.75),
    ContentionLevel(max(CORES // 2, 1), 1.0, memory_mb_s=6000),
)
SETTLE_S = 0.5


@dataclass(frozen=True)
class Network:
    """A network and its space, loaded."""

    detector: Detector
    space: BranchSpace
    options: KernelOptions

    @property
    def terms(self) -> DetectionCosts:
        return DetectionCosts(self.space)


class SavedDetections(Detector):
    """Finds in images what was saved of them at each setting of a space."""

    description = "saved detections"

    def __init__(
        self,
        frames: Sequence[LabelledFrame],
        saved: Sequence[Sequence[Detections]],
        space: BranchSpace,
        class_names: tuple[str, ...],
    ) -> None:
        self.class_names, self.uses_proposals = class_names, bool(space.nprops)
        self._settings, self._saved = space.detector_settings, saved
        # The frames hold the images.
        self._positions = {id(entry.frame.image): i for i, entry in enumerate(frames)}
        self._frames = frames

    def _detect(self, image: np.ndarray, settings: DetectorSettings) -> Detections:
        setting = self._settings.index((settings.shape, settings.nprop, settings.model))
        return self._saved[setting][self._positions[id(image)]]


class RememberedTracker(Tracker):
    """Moves objects as it did before from the same boxes through the same images."""

    def __init__(self, inner: Tracker, memory: dict[tuple, tuple[np.ndarray, np.ndarray]]) -> None:
        self._inner, self._memory = inner, memory

    def initialize(self, image: np.ndarray, detections: Detections) -> None:
        self._given, self._images = detections, [image]
        #: Images that the tracker within has seen since these objects were given to it.
        self._seen = 0

    def update(self, image: np.ndarray) -> TrackerUpdate:
        self._images.append(image)
        key = (self._given.boxes.tobytes(), *map(id, self._images))
        if key not in self._memory:
            if not self._seen:
                self._inner.initialize(self._images[0], self._given)
            for each in self._images[max(self._seen, 1) :]:
                update = self._inner.update(each)
            self._seen = len(self._images)
            self._memory[key] = update.detections.boxes, update.lost
        boxes, lost = self._memory[key]
        ages = self._given.ages + len(self._images) - 1
        return TrackerUpdate(replace(self._given, boxes=boxes, ages=ages), lost)

    def _start(self, image: np.ndarray, boxes: np.ndarray) -> None:
        raise NotImplementedError

    def _move(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError


class RememberingKernel(DetectionKernel):
    """Runs many times over the same images, which are held in memory."""

    def __init__(self, detector: Detector, space: BranchSpace) -> None:
        super().__init__(detector, space)
        self._memories: dict[TrackerSettings, dict] = {each: {} for each in space.trackers}

    def trackers(self) -> dict[TrackerSettings, Tracker]:
        return {
            each: RememberedTracker(tracker, self._memories[each])
            for each, tracker in super().trackers().items()
        }


def load(options: KernelOptions) -> Network:
    detector, _ = load_network(options)
    task = task_of(options)
    space = load_space(options.space, task.family(options), task.name)
    return Network(detector, space, options)


def saved_detections(
    network: Network, frames: Sequence[LabelledFrame], cache: Path
) -> list[list[Detections]]:
    """Detections of each frame at each setting of the space, from a file if it is there."""
    if not cache.exists():
        columns = {}
        images = [entry.frame for entry in frames]
        saved = detect_all(network.detector, network.space.detector_settings, images)
        for index, found in enumerate(saved):
            columns[f"boxes{index}"] = np.concatenate([f.boxes for f in found])
            columns[f"scores{index}"] = np.concatenate([f.scores for f in found])
            columns[f"classes{index}"] = np.concatenate([f.class_ids for f in found])
            columns[f"counts{index}"] = np.array([len(f) for f in found])
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_columns(cache, columns)
    columns = read_columns(cache)
    saved = []
    for index in range(len(network.space.detector_settings)):
        ends = np.cumsum(columns[f"counts{index}"])[:-1]
        parts = [
            np.split(columns[f"{name}{index}"], ends) for name in ("boxes", "scores", "classes")
        ]
        saved.append([Detections.from_arrays(*row) for row in zip(*parts, strict=True)])
    return saved


def time_levels(
    network: Network,
    clips: Sequence[Clip],
    levels: Sequence[ContentionLevel],
    cache: Path,
    rounds: int = 3,
) -> Columns:
    """Time all parts under each level, in turns; from a file if it is there.

    Beside the columns of records stand the ``load`` readings: see `time_level`.
    """
    if not cache.exists():
        timer = PartTimer(DetectionKernel(network.detector, network.space), MonotonicClock())
        timer.preheat(clips[0])
        units = [
            time_level(timer, levels[level], level, turn, clips)
            for turn in range(rounds)
            for level in track(range(len(levels)), f"trace, round {turn + 1}")
        ]
        load = np.concatenate([unit.pop("load") for unit in units])
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_columns(cache, {**join_units(units), "load": load})
    return of_parts(read_columns(cache), network.space.compiled)


def record_trace(
    network: Network, clips: Sequence[Clip], levels: Sequence[ContentionLevel], cache: Path
) -> tuple[LatencyTrace, np.ndarray]:
    """A machine's latencies under each level; from a file if it is there."""
    columns = time_levels(network, clips, levels, cache)
    rows = columns.pop("load")
    load = np.array([rows[rows[:, 0] == level, 1:].mean(axis=0) for level in range(len(levels))])
    size = int(columns["image_width"][0]), int(columns["image_height"][0])
    return LatencyTrace(columns, load, network.space.compiled, network.terms, size), load
