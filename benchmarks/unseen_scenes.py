"""Scenes with all that is recorded of them, each with a profile of the others.

What benchmarks/out_of_sample.py runs systems on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from mixed_world import World, branch_matches, played, read_frames
from recorded_world import (
    UNSEEN_LEVELS,
    Network,
    RememberingKernel,
    SavedDetections,
    saved_detections,
    time_levels,
)

from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.clock import MonotonicClock
from approx_perception.datasets import FrameSource, LabelledFrame, open_source
from approx_perception.datasets.class_map import ClassMap
from approx_perception.files import Columns
from approx_perception.latency.records import ProfileRecords
from approx_perception.metrics.average_precision import mean_ap50
from approx_perception.profiling.fit_profile import fit_profile
from approx_perception.profiling.plan import ProfilePlan, contention_levels
from approx_perception.profiling.profiler import Profiler, clips_of, join_units
from approx_perception.simulation.hindsight import BranchOutcomes
from approx_perception.simulation.recorded_machine import LatencyTrace, SimulatedMachine

#: What a profile knows, then what scenes are played under.
PROFILED_LEVELS = contention_levels(with_gpu=False)
LEVELS = (*PROFILED_LEVELS, *UNSEEN_LEVELS)
#: Conditions, and the levels of `UNSEEN_LEVELS` that take turns in each.
CONDITIONS: Mapping[str, tuple[int, ...]] = {
    "idle": (0,),
    "contended": tuple(range(len(UNSEEN_LEVELS))),
}
#: Frames for which a level lasts, and the least that a run has: short scenes are repeated.
LEVEL_FRAMES, LEAST_FRAMES = 48, 576
CLIP_IMAGES, ROUNDS = 7, 3


@dataclass(frozen=True)
class SceneSpec:
    """A source with ground truth, and how its classes are called."""

    source: str
    frames: int
    class_numbers: Mapping[int, str | None] = field(default_factory=dict)
    translations: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return Path(self.source).name

    def open(self) -> FrameSource:
        return open_source(
            self.source, frame_count=self.frames, class_numbers=self.class_numbers or None
        )


class InMemory(FrameSource):
    """Frames of a source that are read already."""

    def __init__(self, source: FrameSource, frames: Sequence[LabelledFrame]) -> None:
        self.name, self.fps, self.class_names = source.name, source.fps, source.class_names
        self.frame_count, self._frames = len(frames), frames

    def __iter__(self) -> Iterator[LabelledFrame]:
        return iter(self._frames)


@dataclass(frozen=True)
class Scene:
    """What is recorded of a source."""

    spec: SceneSpec
    network: Network
    world: World
    matches_cache: Path
    #: Of `ProfileRecords`, this scene alone.
    accuracy: Columns
    #: Latencies at all `LEVELS`, and ``(N, 3)`` level and readings.
    latency: Columns
    load: np.ndarray

    @cached_property
    def matches(self) -> list[list]:
        """``B x N`` of what each branch publishes, played once."""
        return branch_matches(self.world, self.matches_cache)

    @cached_property
    def ap50(self) -> np.ndarray:
        """``(B,)`` of every branch, if it ran all the time."""
        return np.array([mean_ap50(own, self.class_count).mean for own in self.matches])

    @property
    def class_count(self) -> int:
        return len(self.world.class_map.truth_names)

    def at_levels(self, first: int, count: int) -> tuple[Columns, np.ndarray]:
        """Latencies at some of all levels, counted from 0, and ``(count, 2)`` readings."""
        own = (self.latency["level"] >= first) & (self.latency["level"] < first + count)
        columns = {name: column[own] for name, column in self.latency.items()}
        columns["level"] = columns["level"] - first
        levels = self.load[:, 0]
        load = [self.load[levels == first + level, 1:].mean(axis=0) for level in range(count)]
        return columns, np.array(load)

    def under(self, condition: str) -> World:
        """The scene on the machine that was recorded with it, repeated until it is long enough."""
        columns, load = self.at_levels(len(PROFILED_LEVELS), len(UNSEEN_LEVELS))
        size = int(columns["image_width"][0]), int(columns["image_height"][0])
        space, turns = self.network.space, CONDITIONS[condition]
        trace = LatencyTrace(columns, load, space.compiled, self.network.terms, size)
        whole = played(self.world, -(-LEAST_FRAMES // len(self.world.frames)))
        levels = np.array(turns)[np.arange(len(whole.frames)) // LEVEL_FRAMES % len(turns)]
        machine = SimulatedMachine(trace, lambda frame: int(levels[frame]))
        return World(whole.frames, whole.saved, whole.kernel, machine, levels, self.world.class_map)

    def outcomes(self, world: World) -> BranchOutcomes:
        """What each branch would have done, in a world of `under`."""
        times = len(world.frames) // len(self.world.frames)
        return BranchOutcomes(
            world.space, [own * times for own in self.matches], world.branch_latencies_ms(),
            self.class_count,
        )  # fmt: skip


def record(spec: SceneSpec, network: Network, cache: Path) -> Scene:
    """Record a scene, or read what is recorded already."""
    cache.mkdir(parents=True, exist_ok=True)
    source, space = spec.open(), network.space
    frames = read_frames([source], spec.frames, max(space.sampling_intervals))
    class_map = ClassMap(network.detector.class_names, source.class_names, spec.translations)
    saved = saved_detections(network, frames, cache / "detections.npz")
    kernel = RememberingKernel(
        SavedDetections(frames, saved, space, class_map.detector_names), space
    )
    idle = np.zeros(len(frames), int)
    world = World(frames, saved, kernel, None, idle, class_map)
    plan = ProfilePlan(PROFILED_LEVELS)
    profiler = Profiler(
        kernel, {spec.name: InMemory(source, frames)}, len(frames), plan, cache, MonotonicClock(),
        spec.translations,
    )  # fmt: skip
    (accuracy,) = profiler.measure_accuracy(lambda *_: None)
    clips = clips_of([source], 1, CLIP_IMAGES)
    latency = time_levels(network, clips, LEVELS, cache / "latency.npz", ROUNDS)
    load = latency.pop("load")
    return Scene(spec, network, world, cache / "matches.npz", accuracy, latency, load)


def profile_of(scenes: Sequence[Scene], out: Path, accuracy: PredictorBundle | None) -> Path:
    """Write the profile that these scenes give, and its records; accuracy may ship instead."""
    network = scenes[0].network
    parts, loads = zip(*(s.at_levels(0, len(PROFILED_LEVELS)) for s in scenes), strict=True)
    load = np.mean(loads, axis=0)
    levels = [
        {**asdict(level), "cpu_others": float(cpu), "gpu_others": None}
        for level, cpu in zip(PROFILED_LEVELS, load[:, 0], strict=True)
    ]
    numbered = [{**s.accuracy, "source": s.accuracy["source"] + i} for i, s in enumerate(scenes)]
    metadata = {
        "created": "", "versions": {}, "network": network.detector.fingerprint, "machine": "",
        "precision": network.detector.precision, "space": network.space.to_dict(),
        "space_hash": network.space.hash, "data": [scene.spec.source for scene in scenes],
        "data_hash": "", "frames_per_source": None, "levels": levels,
    }  # fmt: skip
    records = ProfileRecords(metadata, join_units(parts), join_units(numbered))
    bundle, _ = fit_profile(records)
    if accuracy is not None:
        bundle = PredictorBundle(bundle.metadata, accuracy.accuracy, bundle.latency)
    records.save(out.with_suffix(".records.json"))
    bundle.save(out)
    return out


def first_frames(scene: Scene, count: int) -> list[LabelledFrame]:
    """So many frames, repeated if there are too few."""
    times = -(-count // len(scene.world.frames))
    whole = played(scene.world, times).frames[:count]
    return [
        replace(entry, frame=replace(entry.frame, sequence=index))
        for index, entry in enumerate(whole)
    ]
