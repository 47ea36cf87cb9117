"""What a profiling run will do, and how long it will take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from approx_perception.branches import BranchSpace
from approx_perception.machine import core_count
from approx_perception.profiling.contention_generator import ContentionLevel

__all__ = ["ProfilePlan", "contention_levels", "switching_tour"]

#: More than any machine moves, so that memory is as busy as it can be.
_ALL_MEMORY_MB_S = 1e6
_GPU_SHARES = (0.4, 0.8)
#: Contended levels take longer than the idle ones that estimates come from.
_CONTENDED_FACTOR = 1.6
_LEVEL_START_S = 1.0
#: Comparing what a branch published for a frame with the truth.
_SCORING_MS = 0.6


def contention_levels(with_gpu: bool) -> list[ContentionLevel]:
    """Levels to profile, the idle machine first.

    Half of the cores, all of them half of the time, all of them, and memory; and the GPU.
    Half of the cores all the time and all of them half of the time are the same load to a
    monitor, but not to an inference, which evades the one and not the other.
    """
    cores = core_count()
    levels = [
        ContentionLevel(),
        ContentionLevel(max(cores // 2, 1)),
        ContentionLevel(cores, 0.5),
        ContentionLevel(cores),
        ContentionLevel(memory_mb_s=_ALL_MEMORY_MB_S),
    ]
    if with_gpu:
        levels += [ContentionLevel(gpu_share=share) for share in _GPU_SHARES]
    return levels


def switching_tour(count: int) -> list[int]:
    """Visit every ordered pair of different settings exactly once, one after the other.

    Returns
    -------
    list of int
        ``count * (count - 1) + 1`` positions: a closed walk over all edges of the complete
        directed graph (Hierholzer's algorithm).
    """
    ahead = {here: [there for there in range(count) if there != here] for here in range(count)}
    stack, tour = [0], []
    while stack:
        if ahead[stack[-1]]:
            stack.append(ahead[stack[-1]].pop())
        else:
            tour.append(stack.pop())
    walked = set(pairwise(tour))
    if len(walked) != count * (count - 1):
        raise AssertionError("the tour missed a pair")
    return tour


@dataclass(frozen=True, slots=True)
class ProfilePlan:
    """Amounts of work.

    Attributes
    ----------
    levels
        Contention under which latency is measured.
    rounds
        Times that each level is visited, in turns, so that drift of the machine hits all alike.
    detections_per_scene
        Timed detections of each setting, scene, level and round.
    calls_per_scene
        Timed tracker calls of each tracker, number of objects, scene, level and round.
    object_counts, object_scales
        Numbers of objects to track, and factors of their sides.
    scenes
        Excerpts of the data that latency is measured on.
    tours
        Times that each ordered pair of settings is visited.
    frames
        For accuracy, of all sources together.
    """

    levels: Sequence[ContentionLevel]
    rounds: int = 3
    detections_per_scene: int = 3
    calls_per_scene: int = 2
    object_counts: tuple[int, ...] = (1, 6, 20)
    object_scales: tuple[float, ...] = (0.5, 1.0, 1.8)
    scenes: int = 3
    tours: int = 3
    frames: int = 0

    def seconds(
        self,
        space: BranchSpace,
        detection_ms: Sequence[float],
        tracker_ms: Sequence[float],
        all_settings_ms: float,
    ) -> dict[str, float]:
        """Estimate the stages.

        Parameters
        ----------
        space
            To profile.
        detection_ms
            Of each detector setting, idle.
        tracker_ms
            Initialisation and step of each tracker together, for a middling number of objects.
        all_settings_ms
            Of detecting at all settings in one image, which shares what it can.
        """
        visits = len(self.levels) * self.rounds
        detection_s = sum(detection_ms) * (self.detections_per_scene + 1) * self.scenes / 1e3
        calls = (self.calls_per_scene + 1) * len(self.object_counts) * self.scenes
        tracking_s = sum(tracker_ms) * calls / 1e3
        settings, steps = len(space.detector_settings), _steps_per_frame(space.sampling_intervals)
        replay_ms = sum(tracker_ms) * steps * settings
        scoring_ms = _SCORING_MS * settings * (1 + len(space.trackers) * steps)
        per_frame_s = (all_settings_ms + replay_ms + scoring_ms) / 1e3
        pairs = len(space.detector_settings) * sum(detection_ms) / 1e3
        return {
            "latency": visits * (_LEVEL_START_S + _CONTENDED_FACTOR * (detection_s + tracking_s)),
            "switching": self.tours * pairs,
            # Two threads gain far less than twice, as Python has its share.
            "accuracy": self.frames * per_frame_s / (1 + 0.2 * (core_count() - 1)),
        }


def _steps_per_frame(intervals: Sequence[int]) -> float:
    """Tracker steps for each frame when all si share what follows a detection."""
    period = math.lcm(*intervals)
    longest = (max(si for si in intervals if start % si == 0) for start in range(period)
               if any(start % si == 0 for si in intervals))  # fmt: skip
    return sum(length - 1 for length in longest) / period
