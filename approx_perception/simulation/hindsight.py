"""What can be known only afterwards: the best fixed branch, and the best branch of each group.

All branches are followed over the same frames on the same recorded machine, each by itself; an
adaptive system is judged by how much it lags behind (its regret).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import BranchSpace
from approx_perception.metrics.average_precision import FrameMatch, mean_ap50, pooled_ap50
from approx_perception.metrics.latency import group_means_ms, violation_share
from approx_perception.simulation.recorded_machine import SimulatedWorld, branch_latency_ms
from approx_perception.simulation.replay import match_all, replay_setting
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    Frame,
    FrameResult,
    SlaScope,
    StageTimings,
)

__all__ = [
    "BranchOutcomes",
    "Choice",
    "KnownAfterwards",
    "branch_latencies_ms",
    "follow_branches",
]

Vector = npt.NDArray[np.float64]

#: What AP50 over all frames counts where AP50 of a group leaves equals.
_OVERALL_SHARE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One branch for each frame.

    Attributes
    ----------
    branches
        ``(N,)`` positions in the space.
    detected
        ``(N,)`` whether the detector runs.
    """

    branches: npt.NDArray[np.int64]
    detected: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class BranchOutcomes:
    """What each of B branches would have published for N frames, and what it would have taken.

    Each detects in every si-th frame from the first one on.

    Attributes
    ----------
    space
        Of the branches.
    matches
        ``B x N``: what was published, compared with the truth.
    latencies_ms
        ``(B, N)``.
    class_count
        Classes of the truth.
    published
        ``B x N``, in the detector's classes and without identities; empty where nobody needs it.
    """

    space: BranchSpace
    matches: Sequence[Sequence[FrameMatch]]
    latencies_ms: Vector
    class_count: int
    published: Sequence[Sequence[Detections]] = ()

    @property
    def group_frames(self) -> int:
        """Frames of the oracle's groups: a whole number of groups of every branch."""
        return math.lcm(*self.space.sampling_intervals)

    def detected(self, branch: int) -> npt.NDArray[np.bool_]:
        """``(N,)`` whether a branch detects in a frame."""
        frames = np.arange(self.latencies_ms.shape[1])
        return np.asarray(frames % self.space[branch].si == 0)

    def latency_ms(self, choice: Choice) -> Vector:
        """``(N,)`` latency of each frame under a choice."""
        return np.asarray(self.latencies_ms[choice.branches, np.arange(len(choice.branches))])

    def chosen(self, choice: Choice) -> list[FrameMatch]:
        """What is published under a choice, compared with the truth."""
        return [self.matches[b][i] for i, b in enumerate(choice.branches.tolist())]

    def fixed(self, branch: int) -> Choice:
        """One branch for all frames."""
        count = self.latencies_ms.shape[1]
        return Choice(np.full(count, branch, np.int64), self.detected(branch))

    def best_fixed(
        self, slas: Sequence[SLA], phases: npt.NDArray[np.int64] | None = None
    ) -> Choice | None:
        """Most accurate branch that, run all the time, is not late more often than the SLA allows.

        Parameters
        ----------
        slas
            Of each frame, of one quantile and scope.
        phases
            ``(N,)`` numbers; the SLA must be met in each phase by itself, so that being late in
            all of a contended one cannot be made up for in quiet ones. None: over all frames.

        Returns
        -------
        Choice or None
            None if no branch meets the SLA.
        """
        allowed = 1 - slas[0].quantile
        limits_ms = np.array([sla.latency_ms for sla in slas])
        phases = np.zeros(len(slas), np.int64) if phases is None else phases
        parts = [phases == phase for phase in np.unique(phases)]
        best: tuple[float, int] | None = None
        for branch in range(len(self.space)):
            latency, starts = self.latencies_ms[branch], self.detected(branch)
            over = max(
                violation_share(latency[part], starts[part], limits_ms[part], slas[0].scope)
                for part in parts
            )
            if over <= allowed:
                value = mean_ap50(self.matches[branch], self.class_count).mean
                best = max(best or (-1.0, 0), (value, branch))
        return None if best is None else self.fixed(best[1])

    def oracle(self, slas: Sequence[SLA]) -> Choice:
        """Best branch for each `group_frames` of those always inside the SLA, else the fastest.

        Inside is every frame in scope ``frame``, and the mean of every group of the branch's own in
        scope ``gof``: what the SLA counts.
        """
        count = self.latencies_ms.shape[1]
        overall = np.array([mean_ap50(own, self.class_count).mean for own in self.matches])
        branches = np.zeros(count, np.int64)
        detected = np.zeros(count, bool)
        for start in range(0, count, self.group_frames):
            part = slice(start, min(start + self.group_frames, count))
            relative = self.latencies_ms[:, part] / [sla.latency_ms for sla in slas[part]]
            if slas[start].scope is SlaScope.GOF:
                relative = np.array(
                    [
                        group_means_ms(own, self.detected(branch)[part])
                        for branch, own in enumerate(relative)
                    ]
                )
            worst = relative.max(axis=1)
            ap50 = np.array([pooled_ap50(own[part]) for own in self.matches])
            value = np.nan_to_num(ap50, nan=0.0) + _OVERALL_SHARE * np.nan_to_num(overall)
            best = int(np.where(worst <= 1, value, -worst).argmax())
            branches[part] = best
            detected[part] = self.detected(best)[part]
        return Choice(branches, detected)


def follow_branches(
    world: SimulatedWorld, report: Callable[[str, float], None] = lambda message, share: None
) -> BranchOutcomes:
    """Follow all branches over all frames of a world, which must be of one image size.

    Parameters
    ----------
    world
        Frames with ground truth, what is detected in them, and what things cost.
    report
        Called with what is being done and the share that is done.
    """
    space = world.space
    published: dict[int, list[Detections]] = {}
    matches: dict[int, list[FrameMatch]] = {}
    for index, (shape, nprop) in enumerate(space.detector_settings):
        report(f"following shape {shape}, nprop {nprop}", index / len(space.detector_settings))
        own = replay_setting(space, index, world.frames, world.saved[index])
        matches |= match_all(own, world.match, range(len(world.frames)))
        published |= own
    order = range(len(space))
    return BranchOutcomes(
        space, [matches[i] for i in order], branch_latencies_ms(world), len(world.truth_names),
        [published[i] for i in order],
    )  # fmt: skip


def branch_latencies_ms(world: SimulatedWorld) -> Vector:
    """``(B, N)`` latency of each branch in each frame of a world, if it ran all the time."""
    settings = world.space.detector_settings
    return np.array(
        [
            branch_latency_ms(world.machine, b, world.saved[settings.index(b.detector_settings)])
            for b in world.space
        ]
    )


class KnownAfterwards:
    """A system that knew a choice beforehand; what it publishes has no identities and no stages.

    Parameters
    ----------
    outcomes
        With what was published.
    choice
        Of the branch of each frame.
    sla
        In force for the next frame; set by whoever feeds it.
    """

    def __init__(self, outcomes: BranchOutcomes, choice: Choice, sla: SLA) -> None:
        self.sla = sla
        self._outcomes, self._choice = outcomes, choice
        self._latencies_ms = outcomes.latency_ms(choice)
        self._position = -1

    def process(self, frame: Frame) -> FrameResult:
        """Return what the chosen branch made of the next frame."""
        self._position += 1
        position, space = self._position, self._outcomes.space
        branch, before = (int(self._choice.branches[max(p, 0)]) for p in (position, position - 1))
        starts, nan = bool(self._choice.detected[position]), float("nan")
        decision = Decision(
            space[branch], space.compiled.kinds[0 if starts else -1], starts, branch != before,
            nan, nan, nan, "known afterwards",
        )  # fmt: skip
        return FrameResult(
            frame.stamp_ns, frame.source_id, frame.sequence,
            self._outcomes.published[branch][position], decision, self.sla,
            StageTimings(processing_ms=float(self._latencies_ms[position])),
        )  # fmt: skip
