"""What a profiling run will do, and how long it will take."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from approx_perception.machine import core_count
from approx_perception.profiling.contention_generator import ContentionLevel

__all__ = ["ProfilePlan", "contention_levels", "switching_tour"]

#: More than any machine moves, so that memory is as busy as it can be.
_ALL_MEMORY_MB_S = 1e6
_GPU_SHARES = (0.4, 0.8)
#: Contended levels take longer than the idle ones that estimates come from.
_CONTENDED_FACTOR = 1.6
_LEVEL_START_S = 1.0


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
    clips
        Excerpts of the data that latency is measured on.
    tours
        Times that each ordered pair of settings is visited.
    frames
        For accuracy, of all sources together.
    """

    levels: Sequence[ContentionLevel]
    rounds: int = 3
    clips: int = 3
    tours: int = 3
    frames: int = 0

    def seconds(self, clip_s: float, starts_s: float, frame_s: float) -> dict[str, float]:
        """Estimate the stages.

        Parameters
        ----------
        clip_s
            Of timing all parts on a clip, idle.
        starts_s
            Of running each part that starts groups once and a part between: all pairs of parts.
        frame_s
            Of a frame of which accuracy is measured.
        """
        visits = len(self.levels) * self.rounds
        return {
            "latency": visits * (_LEVEL_START_S + _CONTENDED_FACTOR * self.clips * clip_s),
            "switching": self.tours * starts_s,
            "accuracy": self.frames * frame_s,
        }
