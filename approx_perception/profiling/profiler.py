"""Profile a kernel on this machine: what parts cost under contention, what branches are worth.

Costs add up and what parts find is reused, so parts are measured, not branches (ApproxDet,
section 4).
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

from approx_perception.assembly.measuring import PartTimer
from approx_perception.clock import Clock
from approx_perception.datasets import FrameSource
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import DatasetError
from approx_perception.files import Columns, read_columns, write_columns
from approx_perception.kernels import Kernel
from approx_perception.load.load_meter import LoadMeter
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel
from approx_perception.profiling.data import labelled_frames, snippet_starts
from approx_perception.profiling.learners.by_task import learner_of
from approx_perception.profiling.plan import ProfilePlan, switching_tour
from approx_perception.simulation.replay import matcher, replay_all

__all__ = ["Clip", "Profiler", "Report", "clips_of", "join_units", "time_level"]

#: Successive images of one size.
Clip = Sequence[npt.NDArray[np.uint8]]
#: Called with what is being done and the units just done.
Report = Callable[[str, float], None]

#: The first one of each part does not count.
_CLIP_IMAGES = 4
#: Until a new load shows in latencies and readings.
_SETTLE_S = 0.5


def clips_of(sources: Sequence[FrameSource], count: int, images: int = _CLIP_IMAGES) -> list[Clip]:
    """Cut the first images of each of up to ``count`` sources, spread over them.

    Raises
    ------
    DatasetError
        If no source has two frames.
    """
    chosen = [sources[i] for i in np.unique(np.linspace(0, len(sources) - 1, count).astype(int))]
    clips = [[each.frame.image for each in islice(source, images)] for source in chosen]
    clips = [[each for each in clip if each.shape == clip[0].shape] for clip in clips]
    if not (long := [clip for clip in clips if len(clip) > 1]):
        raise DatasetError("profiling needs a source of two frames or more; there is none")
    return [*long]


def _enlarged(clip: Clip) -> Clip:
    """Twice the size, to learn what size costs."""
    return [np.asarray(cv2.resize(image, None, fx=2, fy=2), np.uint8) for image in clip]


@dataclass(frozen=True, slots=True, eq=False)
class Profiler:
    """Stages of a profiling run; each unit of work is kept in a file, so that a run can go on.

    Attributes
    ----------
    kernel
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

    kernel: Kernel
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

    def measure_latency(self, clips: Sequence[Clip], report: Report) -> list[Columns]:
        """Time all parts under all levels, level by level in turns."""
        timer, parts = PartTimer(self.kernel, self.clock), []
        for turn in range(self.plan.rounds):
            for level, contention in enumerate(self.plan.levels):
                path = self.folder / f"latency_{turn}_{level}.npz"
                if not path.exists():
                    report(f"latency, {contention}, round {turn + 1}", 0)
                    measured = [*clips, _enlarged(clips[0])] if level == 0 else clips
                    write_columns(path, time_level(timer, contention, level, turn, measured))
                parts.append(read_columns(path))
                report("latency", 1)
        return parts

    def measure_switching(self, clips: Sequence[Clip], report: Report) -> list[Columns]:
        """Time every ordered pair of parts that start groups on the idle machine."""
        timer, parts = PartTimer(self.kernel, self.clock), []
        order = switching_tour(len(self.kernel.space.compiled.main_parts[0]))
        for tour in range(self.plan.tours):
            path = self.folder / f"switching_{tour}.npz"
            if not path.exists():
                report(f"switching, tour {tour + 1}", 0)
                write_columns(path, timer.switches(order, clips[tour % len(clips)], tour))
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
        kernel = self.kernel
        scoring, learner = scoring_of(kernel.task), learner_of(kernel.task)
        starts = list(snippet_starts(len(frames), learner.snippet_frames))
        main_parts = kernel.space.compiled.main_parts[0].tolist()
        accuracy = np.zeros((len(starts), len(kernel.space)))
        features = np.zeros((len(starts), len(main_parts), len(learner.feature_names)))
        class_map = ClassMap(kernel.class_names, source.class_names, self.translations)
        for own in replay_all(kernel, frames, matcher(scoring, frames, class_map)):
            seen = np.array([learner.features_of(content) for content in own.replay.contents])
            column = main_parts.index(own.replay.main_part)
            for row, start in enumerate(starts):
                part = slice(start, start + learner.snippet_frames)
                features[row, column] = _mean_of_known(seen[part])
                for branch, matches in own.matches.items():
                    accuracy[row, branch] = scoring.pooled(matches[part])
        return {
            "source": np.full(len(starts), index), "start": np.array(starts),
            scoring.measure: accuracy, "features": features,
        }  # fmt: skip


def _mean_of_known(rows: Any) -> Any:
    """Mean of each column, nan left out; nan of a column without anything else."""
    known = np.isfinite(rows)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def time_level(
    timer: PartTimer, contention: ContentionLevel, level: int, turn: int, clips: Sequence[Clip]
) -> Columns:
    """Time all parts while something else is kept busy.

    Returns
    -------
    dict
        Columns of records, and ``load``: one row of the level and the CPU and GPU share of others,
        as a monitor reads them meanwhile.
    """
    meter = LoadMeter(lambda: [os.getpid()])
    with ContentionGenerator(contention):
        time.sleep(_SETTLE_S)
        meter.read()
        timed = join_units([timer.time(clip, level, turn) for clip in clips])
        reading = meter.read()
    meter.close()
    return {**timed, "load": np.array([[level, reading.cpu_others, reading.gpu_others]])}


def join_units(units: Sequence[Columns]) -> Columns:
    """Columns of all units, one below the other."""
    return {name: np.concatenate([unit[name] for unit in units]) for name in units[0]}
