"""Profile a space on this machine: what every part costs under contention, what branches are worth.

Costs add up and detections are reused, so parts are measured, not branches (ApproxDet, section 4).
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.content_model import FEATURE_NAMES, feature_vector
from approx_perception.assembly.measuring import LatencyRows, PartTimer, Scene, objects_of
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock
from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.exceptions import DatasetError
from approx_perception.files import Columns, read_columns, write_columns
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.load.load_meter import LoadMeter
from approx_perception.metrics.average_precision import pooled_ap50
from approx_perception.profiling.contention_generator import ContentionGenerator
from approx_perception.profiling.data import SNIPPET_FRAMES, labelled_frames, snippet_starts
from approx_perception.profiling.plan import ProfilePlan, switching_tour
from approx_perception.simulation.replay import matcher, replay_all
from approx_perception.structures import Detections
from approx_perception.trackers import Tracker

__all__ = [
    "Profiler",
    "Report",
    "join_units",
    "scenes_found",
    "scenes_of",
    "time_level",
]

_SCENE_IMAGES = 8
#: Until a new load shows in latencies and readings.
_SETTLE_S = 0.5

#: Called with what is being done and the units just done.
Report = Callable[[str, float], None]


def scenes_of(sources: Sequence[FrameSource], count: int) -> list[Scene]:
    """Cut an excerpt with objects from each of up to ``count`` sources, spread over them.

    Raises
    ------
    DatasetError
        If no source has a frame with ground truth.
    """
    chosen = [sources[i] for i in np.unique(np.linspace(0, len(sources) - 1, count).astype(int))]
    scenes = []
    for source in chosen:
        entries: list[LabelledFrame] = []
        for entry in source:
            if entries or (entry.ground_truth is not None and len(entry.ground_truth)):
                entries.append(entry)
            if len(entries) == _SCENE_IMAGES:
                break
        if len(entries) > 1 and (truth := entries[0].ground_truth) is not None:
            objects = Detections.from_arrays(truth.boxes, np.ones(len(truth)), truth.class_ids)
            scenes.append(Scene([entry.frame.image for entry in entries], objects))
    if not scenes:
        raise DatasetError("profiling needs sources with ground truth; none of these has any")
    return scenes


def scenes_found(
    detector: Detector, settings: DetectorSettings, sources: Sequence[FrameSource], count: int
) -> list[Scene]:
    """Cut excerpts as `scenes_of` does, of sources without truth: what is found stands for it.

    Raises
    ------
    DatasetError
        If no source has two frames.
    """
    chosen = [sources[i] for i in np.unique(np.linspace(0, len(sources) - 1, count).astype(int))]
    scenes = []
    for source in chosen:
        images = [entry.frame.image for entry in islice(source, _SCENE_IMAGES)]
        if len(images) > 1:
            found = detector.detect(images[0], settings)
            scenes.append(Scene(images, found if len(found) else _something_in(images[0])))
    if not scenes:
        raise DatasetError(
            "without ground truth, profiling needs a source of two frames or more; there is none"
        )
    return scenes


def _something_in(image: npt.NDArray[np.uint8]) -> Detections:
    """One object in the middle: what a tracker takes depends little on what it follows."""
    height, width = image.shape[:2]
    box = np.array([[0.4 * width, 0.4 * height, 0.6 * width, 0.6 * height]])
    return Detections.from_arrays(box, np.ones(1), np.zeros(1, np.int64))


def _enlarged(scene: Scene) -> Scene:
    """Twice the size, to learn what size costs."""
    images = [cv2.resize(image, None, fx=2, fy=2) for image in scene.images]
    boxes = scene.objects.boxes * np.float32(2)
    count = len(boxes)
    return Scene(images, Detections.from_arrays(boxes, np.ones(count), scene.objects.class_ids))


@dataclass(frozen=True, slots=True, eq=False)
class Profiler:
    """Stages of a profiling run; each unit of work is kept in a file, so that a run can go on.

    Attributes
    ----------
    detector, trackers, space
        What is profiled.
    sources
        With ground truth; frames beyond ``frames_per_source`` are left out.
    plan
        Amounts.
    folder
        Gets the finished units.
    clock
        Times the parts.
    translations
        From the network's class names to the data's.
    has_truth
        Whether accuracy can be measured.
    """

    detector: Detector
    trackers: Mapping[TrackerSettings, Tracker]
    space: BranchSpace
    sources: Mapping[str, FrameSource]
    frames_per_source: int
    plan: ProfilePlan
    folder: Path
    clock: Clock
    translations: Mapping[str, str | None] = field(default_factory=dict)
    has_truth: bool = True

    @property
    def unit_count(self) -> int:
        """Units of all stages."""
        visits = len(self.plan.levels) * self.plan.rounds
        return visits + self.plan.tours + (len(self.sources) if self.has_truth else 0)

    def measure_latency(self, scenes: Sequence[Scene], report: Report) -> list[Columns]:
        """Time all parts under all levels, level by level in turns."""
        parts = []
        for turn in range(self.plan.rounds):
            for level, contention in enumerate(self.plan.levels):
                path = self.folder / f"latency_{turn}_{level}.npz"
                if not path.exists():
                    report(f"latency, {contention}, round {turn + 1}", 0)
                    self._visit(level, turn, scenes, path)
                parts.append(read_columns(path))
                report("latency", 1)
        return parts

    def _visit(self, level: int, turn: int, scenes: Sequence[Scene], path: Path) -> None:
        timer = PartTimer(self.detector, self.trackers, self.space, self.clock, LatencyRows())
        measured = [*scenes, _enlarged(scenes[0])] if level == 0 else scenes
        write_columns(path, time_level(timer, self.space, self.plan, level, turn, measured))

    def measure_switching(self, scenes: Sequence[Scene], report: Report) -> list[Columns]:
        """Time every ordered pair of detector settings on the idle machine."""
        parts = []
        for tour in range(self.plan.tours):
            path = self.folder / f"switching_{tour}.npz"
            if not path.exists():
                report(f"switching, tour {tour + 1}", 0)
                rows = LatencyRows()
                timer = PartTimer(self.detector, self.trackers, self.space, self.clock, rows)
                timer.round = tour
                order = switching_tour(len(self.space.detector_settings))
                timer.switches(order, scenes[tour % len(scenes)])
                write_columns(path, rows.columns())
            parts.append(read_columns(path))
            report("switching", 1)
        return parts

    def measure_accuracy(self, report: Report) -> list[Columns]:
        """Score every branch on every snippet of every source."""
        parts = []
        for index, (name, source) in enumerate(self.sources.items() if self.has_truth else ()):
            path = self.folder / f"accuracy_{index}.npz"
            if not path.exists():
                report(f"accuracy, {name}", 0)
                write_columns(path, self._score(index, source))
            parts.append(read_columns(path))
            report("accuracy", 1)
        return parts

    def _score(self, index: int, source: FrameSource) -> dict[str, Any]:
        frames = list(labelled_frames(source, self.frames_per_source))
        if not frames:
            raise DatasetError(f"{source.name} has no ground truth; accuracy cannot be profiled")
        starts = list(snippet_starts(len(frames)))
        kernel = DetectionKernel(self.detector, self.space)
        main_parts = kernel.space.compiled.main_parts[0].tolist()
        ap50 = np.zeros((len(starts), len(kernel.space)))
        features = np.zeros((len(starts), len(main_parts), len(FEATURE_NAMES)))
        class_map = ClassMap(kernel.class_names, source.class_names, self.translations)
        for own in replay_all(kernel, frames, matcher(frames, class_map)):
            seen = np.array([feature_vector(content) for content in own.replay.contents])
            column = main_parts.index(own.replay.main_part)
            for row, start in enumerate(starts):
                part = slice(start, start + SNIPPET_FRAMES)
                features[row, column] = _mean_of_known(seen[part])
                for branch, matches in own.matches.items():
                    ap50[row, branch] = pooled_ap50(matches[part])
        return {
            "source": np.full(len(starts), index), "start": np.array(starts), "ap50": ap50,
            "features": features,
        }  # fmt: skip


def _mean_of_known(rows: Any) -> Any:
    """Mean of each column, nan left out; nan of a column without anything else."""
    known = np.isfinite(rows)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def time_level(
    timer: PartTimer,
    space: BranchSpace,
    plan: ProfilePlan,
    level: int,
    turn: int,
    scenes: Sequence[Scene],
) -> Columns:
    """Time all parts under one of the plan's levels.

    Returns
    -------
    dict
        Columns of `LATENCY_COLUMNS`, and ``load``: one row of the level and the CPU and GPU share
        of others, as a monitor reads them meanwhile.
    """
    timer.level, timer.round = level, turn
    meter = LoadMeter(lambda: [os.getpid()])
    with ContentionGenerator(plan.levels[level]):
        time.sleep(_SETTLE_S)
        meter.read()
        for part in _rotated(len(space.detector_settings), turn):
            for scene in scenes:
                timer.detections(part, scene, plan.detections_per_scene)
        reading = meter.read()
        for part in _rotated(len(space.trackers), turn):
            for row, scene in enumerate(scenes):
                for column, count in enumerate(plan.object_counts):
                    # A Latin square: each number of objects at each size over three scenes.
                    scale = plan.object_scales[(row + column) % len(plan.object_scales)]
                    objects = objects_of(scene, count, scale)
                    timer.tracking(part, scene, objects, plan.calls_per_scene)
    meter.close()
    load = np.array([[level, reading.cpu_others, reading.gpu_others]])
    return {**timer.rows.columns(), "load": load}


def _rotated(count: int, turn: int) -> list[int]:
    """``range(count)`` begun elsewhere each turn, so that drift within a visit hits all alike."""
    start = turn * 3 % max(count, 1)
    return [*range(start, count), *range(start)]


def join_units(units: Sequence[Columns]) -> Columns:
    """Columns of all units, one below the other."""
    return {name: np.concatenate([unit[name] for unit in units]) for name in units[0]}
