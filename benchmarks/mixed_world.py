"""Labelled frames under changing contention: what benchmarks/mixed_run.py runs systems on."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
from recorded_world import (
    UNSEEN_LEVELS,
    RememberingKernel,
    SavedDetections,
    load,
    record_trace,
    saved_detections,
)
from rich.progress import track
from zoomed import zoomed

from approx_perception.assembly import KernelOptions
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.branches import BranchSpace
from approx_perception.datasets import FrameSource, LabelledFrame, open_source
from approx_perception.datasets.class_map import ClassMap
from approx_perception.files import read_columns, write_columns
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.kernels.detection_replay import replay_setting
from approx_perception.metrics.average_precision import FrameMatch
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.profiling.profiler import clips_of
from approx_perception.simulation.hindsight import BranchOutcomes, branch_latencies_ms
from approx_perception.simulation.recorded_machine import SimulatedMachine
from approx_perception.simulation.replay import match_all, matcher
from approx_perception.structures import ContentFeatures, Detections

#: Steps of the simulated machine's seed between two starts.
_START_STEP = 7


@dataclass(frozen=True)
class World:
    """Frames with what every setting detects in them, and a machine."""

    frames: Sequence[LabelledFrame]
    #: Of each frame, at each of the space's `detector_settings`.
    saved: Sequence[Sequence[Detections]]
    kernel: DetectionKernel
    machine: SimulatedMachine
    #: ``(N,)`` of the machine's contention.
    levels: np.ndarray
    class_map: ClassMap

    @property
    def space(self) -> BranchSpace:
        return self.kernel.space

    def match(self, frame: int, found: Detections) -> FrameMatch:
        return matcher(scoring_of(self.space.task), self.frames, self.class_map)(frame, found)

    def branch_latencies_ms(self) -> np.ndarray:
        contents = {
            part: [ContentFeatures.of_objects(found) for found in own]
            for part, own in enumerate(self.saved)
        }
        return branch_latencies_ms(self.machine, contents)


@dataclass(frozen=True)
class Fold:
    """Frames with a profile that has not seen them."""

    profile: Path
    bundle: PredictorBundle
    world: World
    #: ``(N,)`` frames that a bootstrap draws together: a group, and the same again in repetitions.
    blocks: np.ndarray
    #: Of its frames played once, what each branch makes of them.
    once: World
    matches_cache: Path

    def outcomes(self) -> BranchOutcomes:
        """What each branch would have done."""
        repeat = len(self.world.frames) // len(self.once.frames)
        matches = [own * repeat for own in branch_matches(self.once, self.matches_cache)]
        latencies_ms = self.world.branch_latencies_ms()
        return BranchOutcomes(
            self.world.space, matches, latencies_ms, len(self.world.class_map.truth_names)
        )


@dataclass(frozen=True)
class Run:
    """Folds of whole groups and of one space, played one after the other and judged together."""

    folds: Sequence[Fold]

    @property
    def class_count(self) -> int:
        return len(self.folds[0].world.class_map.truth_names)

    @cached_property
    def levels(self) -> np.ndarray:
        return np.concatenate([fold.world.levels for fold in self.folds])

    @cached_property
    def blocks(self) -> np.ndarray:
        starts = np.cumsum([0, *(fold.blocks.max() + 1 for fold in self.folds[:-1])])
        return np.concatenate([f.blocks + s for f, s in zip(self.folds, starts, strict=True)])

    @cached_property
    def outcomes(self) -> BranchOutcomes:
        parts = [fold.outcomes() for fold in self.folds]
        matches = [list(chain(*own)) for own in zip(*(part.matches for part in parts), strict=True)]
        latencies_ms = np.concatenate([part.latencies_ms for part in parts], axis=1)
        return BranchOutcomes(parts[0].space, matches, latencies_ms, self.class_count)


def read_frames(
    sources: Sequence[FrameSource], count: int, group_frames: int
) -> list[LabelledFrame]:
    """Labelled frames among the first ``count`` of each source, in whole groups.

    So can sources follow each other, and all be played again, with each branch as if by itself.
    """
    frames = []
    for source in sources:
        own = [e for e in islice(source, count) if e.ground_truth is not None]
        frames += own[: len(own) // group_frames * group_frames]
    return frames


def played(world: World, times: int) -> World:
    """All frames ``times`` over, one after the other in time."""
    first, second = (entry.frame.stamp_ns for entry in world.frames[:2])
    frames = [
        replace(entry, frame=replace(entry.frame, stamp_ns=index * (second - first)))
        for index, entry in enumerate([*world.frames] * times)
    ]
    return replace(world, frames=frames, saved=[[*own] * times for own in world.saved])


def same_size_parts(frames: Sequence[LabelledFrame], group_frames: int) -> list[slice]:
    """Runs of frames of one image size; each must be whole groups but the last."""
    sizes = [entry.frame.image.shape for entry in frames]
    starts = [i for i in range(len(sizes)) if i == 0 or sizes[i] != sizes[i - 1]]
    if any(start % group_frames for start in starts):
        raise SystemExit(
            f"sources of another size must begin at a multiple of {group_frames} frames"
        )
    return [slice(a, b) for a, b in pairwise([*starts, len(sizes)])]


def branch_matches(world: World, cache: Path) -> list[list[FrameMatch]]:
    """What every branch would have published, judged; from a file if it is there."""
    names = ("scores", "class_ids", "hits", "truth_class_ids")
    if not cache.exists():
        columns = {}
        by_branch: dict[int, list[FrameMatch]] = {i: [] for i in range(len(world.space))}
        for setting in track(range(len(world.saved)), "branches"):
            for part in same_size_parts(world.frames, max(world.space.sampling_intervals)):
                frames, saved = world.frames[part], world.saved[setting][part]
                images = [entry.frame for entry in frames]
                published = replay_setting(world.space, setting, images, saved)
                shifted = partial(lambda start, i, found: world.match(start + i, found), part.start)
                matched = match_all(published, shifted)
                for index, found in matched.items():
                    by_branch[index] += found
        for index, found in by_branch.items():
            for name in names:
                parts = [getattr(match, name) for match in found]
                columns[f"{name}{index}"] = np.concatenate(parts)
                columns[f"{name}{index}_ends"] = np.cumsum([len(part) for part in parts])[:-1]
        write_columns(cache, columns)
    columns = read_columns(cache)
    return [
        [
            FrameMatch(*row)
            for row in zip(
                *(np.split(columns[f"{n}{i}"], columns[f"{n}{i}_ends"]) for n in names),
                strict=True,
            )
        ]
        for i in range(len(world.space))
    ]


def prepare(arguments: argparse.Namespace) -> list[Run]:
    """One run for each place in the recorded noise; what is detected is the same in all."""
    by_fold = [
        _prepare(Path(profile), sources, arguments, arguments.cache / str(index))
        for index, (profile, *sources) in enumerate(arguments.fold)
    ]
    return [Run(folds) for folds in zip(*by_fold, strict=True)]


def _prepare(
    profile: Path, names: Sequence[str], arguments: argparse.Namespace, cache: Path
) -> list[Fold]:
    """A fold, from each place in the recorded noise."""
    bundle = PredictorBundle.load(profile)
    network = load(
        KernelOptions(
            detector=arguments.detector,
            weights=arguments.weights,
            precision=str(bundle.metadata["precision"]),
        )
    )
    space = network.space
    sources = [open_source(name, frame_count=arguments.frames) for name in names]
    group_frames = max(space.sampling_intervals)
    filmed = read_frames(sources, arguments.frames, group_frames)
    frames = [zoomed(entry, zoom) for zoom in arguments.zoom or [1.0] for entry in filmed]
    trace, _ = record_trace(network, clips_of(sources, 3, 7), UNSEEN_LEVELS, cache / "trace.npz")
    levels = np.arange(len(frames) * arguments.repeat) // arguments.level_frames % trace.level_count
    class_map = ClassMap(network.detector.class_names, sources[0].class_names)
    saved = saved_detections(network, frames, cache / "detections.npz")
    detector = SavedDetections(frames, saved, space, class_map.detector_names)
    kernel = RememberingKernel(detector, space)
    machine = SimulatedMachine(trace, lambda frame: int(levels[frame]))
    once = World(frames, saved, kernel, machine, levels, class_map)
    blocks = np.tile(np.arange(len(frames)) // group_frames, arguments.repeat)
    whole = played(once, arguments.repeat)
    folds = []
    for start in range(arguments.starts):
        seed = _START_STEP * start
        world = replace(whole, machine=replace(whole.machine, seed=seed))
        own = of_another_machine(bundle, arguments.profile_error, seed)
        folds.append(Fold(profile, own, world, blocks, once, cache / "matches.npz"))
    return folds


def of_another_machine(bundle: PredictorBundle, error: float, seed: int) -> PredictorBundle:
    """As if profiled elsewhere: what each part costs is off by a log-normal factor."""
    latency = bundle.latency
    factors = np.exp(np.random.default_rng(seed).normal(0.0, error, (len(latency.base), 1)))
    return replace(bundle, latency=replace(latency, base=latency.base * factors))
