"""What can be known only afterwards: the best fixed branch, and the best branch of each group.

All branches are followed over the same frames on the same recorded machine, each by itself; an
adaptive system is judged by how much it lags behind (its regret).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Space
from approx_perception.datasets import LabelledFrame
from approx_perception.kernels import Kernel, KernelState
from approx_perception.metrics.latency import group_means_ms, violation_share
from approx_perception.metrics.scoring._base import Match, Scoring
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.simulation.recorded_machine import SimulatedMachine
from approx_perception.simulation.replay import Matcher, replay_all
from approx_perception.structures import (
    SLA,
    Content,
    Decision,
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

#: What accuracy over all frames counts where that of a group leaves equals.
_OVERALL_SHARE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One branch for each frame.

    Attributes
    ----------
    branches
        ``(N,)`` positions in the space.
    starts
        ``(N,)`` whether a group begins.
    """

    branches: npt.NDArray[np.int64]
    starts: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class BranchOutcomes:
    """What each of B branches would have published for N frames, and what it would have taken.

    Each begins groups one after the other from the first frame on.

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
        ``B x N`` outputs, without identities; empty where nobody needs it.
    """

    space: Space[Any]
    matches: Sequence[Sequence[Match]]
    latencies_ms: Vector
    class_count: int
    published: Sequence[Sequence[Any]] = ()

    @property
    def scoring(self) -> Scoring:
        """Of the task."""
        return scoring_of(self.space.task)

    @property
    def group_frames(self) -> int:
        """Frames of the oracle's groups: a whole number of groups of every branch."""
        return math.lcm(*self.space.compiled.group_frames.tolist())

    def starts(self, branch: int) -> npt.NDArray[np.bool_]:
        """``(N,)`` whether a branch begins a group in a frame."""
        frames = np.arange(self.latencies_ms.shape[1])
        return np.asarray(frames % self.space.compiled.group_frames[branch] == 0)

    def latency_ms(self, choice: Choice) -> Vector:
        """``(N,)`` latency of each frame under a choice."""
        return np.asarray(self.latencies_ms[choice.branches, np.arange(len(choice.branches))])

    def chosen(self, choice: Choice) -> list[Match]:
        """What is published under a choice, compared with the truth."""
        return [self.matches[b][i] for i, b in enumerate(choice.branches.tolist())]

    def fixed(self, branch: int) -> Choice:
        """One branch for all frames."""
        count = self.latencies_ms.shape[1]
        return Choice(np.full(count, branch, np.int64), self.starts(branch))

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
            latency, starts = self.latencies_ms[branch], self.starts(branch)
            over = max(
                violation_share(latency[part], starts[part], limits_ms[part], slas[0].scope)
                for part in parts
            )
            if over <= allowed:
                value = self.scoring.mean(self.matches[branch], self.class_count)
                best = max(best or (-1.0, 0), (value, branch))
        return None if best is None else self.fixed(best[1])

    def oracle(self, slas: Sequence[SLA]) -> Choice:
        """Best branch for each `group_frames` of those always inside the SLA, else the fastest.

        Inside is every frame in scope ``frame``, and the mean of every group of the branch's own in
        scope ``gof``: what the SLA counts.
        """
        count = self.latencies_ms.shape[1]
        overall = np.array([self.scoring.mean(own, self.class_count) for own in self.matches])
        branches = np.zeros(count, np.int64)
        starts = np.zeros(count, bool)
        for start in range(0, count, self.group_frames):
            part = slice(start, min(start + self.group_frames, count))
            relative = self.latencies_ms[:, part] / [sla.latency_ms for sla in slas[part]]
            if slas[start].scope is SlaScope.GOF:
                relative = np.array(
                    [
                        group_means_ms(own, self.starts(branch)[part])
                        for branch, own in enumerate(relative)
                    ]
                )
            worst = relative.max(axis=1)
            of_group = np.array([self.scoring.pooled(own[part]) for own in self.matches])
            value = np.nan_to_num(of_group, nan=0.0) + _OVERALL_SHARE * np.nan_to_num(overall)
            best = int(np.where(worst <= 1, value, -worst).argmax())
            branches[part] = best
            starts[part] = self.starts(best)[part]
        return Choice(branches, starts)


def follow_branches(
    kernel: Kernel,
    frames: Sequence[LabelledFrame],
    machine: SimulatedMachine,
    match: Matcher,
    class_count: int,
    state: KernelState | None = None,
) -> BranchOutcomes:
    """Follow all branches of a kernel's space over frames of one image size.

    Parameters
    ----------
    kernel, frames, match, state
        See `replay_all`.
    machine
        What things cost.
    class_count
        Classes of the truth.
    """
    contents: dict[int, Sequence[Content]] = {}
    published: dict[int, Sequence[Any]] = {}
    matches: dict[int, list[Match]] = {}
    for own in replay_all(kernel, frames, match, state):
        contents[own.replay.main_part] = own.replay.contents
        published |= own.replay.outputs
        matches |= own.matches
    order = range(len(kernel.space))
    return BranchOutcomes(
        kernel.space, [matches[i] for i in order], branch_latencies_ms(machine, contents),
        class_count, [published[i] for i in order],
    )  # fmt: skip


def branch_latencies_ms(
    machine: SimulatedMachine, contents: Mapping[int, Sequence[Content]]
) -> Vector:
    """``(B, N)`` latency of each branch in each of N frames, if it ran all the time.

    Parameters
    ----------
    machine
        What parts cost.
    contents
        ``{part: (N,) content}`` as a frame would show it if a group began there with that part.
    """
    compiled, trace = machine.trace.compiled, machine.trace
    positions = np.arange(len(next(iter(contents.values()))))
    factors = np.array([machine.factors(frame) for frame in positions.tolist()])
    levels = [machine.level(frame) for frame in positions.tolist()]
    terms = {part: [trace.terms(content) for content in own] for part, own in contents.items()}

    @cache
    def part_ms(main: int, length: int) -> Vector:
        """``(N, P)`` of all parts, where groups of a length begin with a part."""
        own = [trace.typical_ms(levels[i], terms[main][i - i % length]) for i in positions]
        return np.asarray(np.array(own) * factors)

    latencies_ms = np.zeros((len(compiled.frame_of), len(positions)))
    for branch, length in enumerate(compiled.group_frames.tolist() if len(positions) else ()):
        of_parts = part_ms(compiled.parts_of(branch, 0)[0], length)
        kinds = np.array([compiled.kind_at(branch, position) for position in range(length)])
        for kind in np.unique(kinds):
            rows = kinds[positions % length] == kind
            parts = list(compiled.parts_of(branch, kind))
            latencies_ms[branch, rows] = of_parts[rows][:, parts].sum(axis=1)
    return latencies_ms + machine.overhead_ms


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
        starts, nan = bool(self._choice.starts[position]), float("nan")
        decision = Decision(
            space[branch], space.compiled.kinds[0 if starts else -1], starts, branch != before,
            nan, nan, nan, "known afterwards",
        )  # fmt: skip
        return FrameResult(
            frame.stamp_ns, frame.source_id, frame.sequence,
            self._outcomes.published[branch][position], decision, self.sla,
            StageTimings(processing_ms=float(self._latencies_ms[position])),
        )  # fmt: skip
