"""Ways to choose a branch among candidates."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace
from approx_perception.structures import FrameResult, Observation

__all__ = [
    "Candidates",
    "Fastest",
    "Fixed",
    "MostAccurate",
    "SchedulingPolicy",
    "Selection",
]

#: A more accurate branch must gain this much AP50, or the present one stays.
_LEAST_GAIN = 0.001
#: A slower branch is entered only if it takes at most this share of the budget.
_ENTRY_SHARE = 0.97


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """All branches of a space with what is expected of them, ``(B,)`` each, in its order.

    Attributes
    ----------
    space
        The branches.
    mean_ms
        Latency of a frame, over a group, switching included.
    quantile_ms
        Latency at the SLA's quantile, in its scope, switching included: what must fit the
        budget.
    accuracy
        AP50, or ranks below 0 where nothing was measured.
    current
        Position of the branch that ran before; None if it may not be held on to.
    observation
        What all this is expected for.
    """

    space: BranchSpace
    mean_ms: npt.NDArray[np.float64]
    quantile_ms: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    current: int | None
    observation: Observation


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen branch and why.

    Attributes
    ----------
    index
        Its position in the space.
    reason
        In words for the user.
    expected_ms
        What the policy itself expects of it, where it does not go by the candidates' figures.
    """

    index: int
    reason: str
    expected_ms: float | None = None


class SchedulingPolicy(Protocol):
    """Chooses; called by the scheduler at each group boundary.

    Attributes
    ----------
    period_frames
        A choice stands for at least so many frames.
    reacts_at_once
        Whether a change of SLA, a step of the load or latency that breaks away ends a group;
        another stream always does.
    """

    period_frames: int
    reacts_at_once: bool

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """Choose a branch for a latency budget."""
        ...

    def observe(self, result: FrameResult) -> None:
        """Take in what a frame really took."""
        ...


class _Memoryless:
    """What policies that learn nothing have in common."""

    period_frames = 1
    reacts_at_once = True

    def observe(self, result: FrameResult) -> None:
        """See `SchedulingPolicy`."""


class Fastest(_Memoryless):
    """The branch of the lowest latency, whatever the budget."""

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """See `SchedulingPolicy`."""
        index = int(candidates.quantile_ms.argmin())
        return Selection(index, f"fastest of {len(candidates.space)} branches")


class MostAccurate(_Memoryless):
    """The most accurate branch inside the budget, the faster one of equals.

    The branch that runs is held on to while it fits and no other is clearly better, and a
    slower one is entered only with room to spare, so that noise makes nothing flap. If none
    fits: the fastest, and the reason says so.
    """

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """See `SchedulingPolicy`."""
        latency_ms, accuracy = candidates.quantile_ms, candidates.accuracy
        current = candidates.current
        fits = latency_ms <= budget_ms
        budget = _in_words(candidates.observation.sla.latency_ms, budget_ms)
        if not fits.any():
            index = int(latency_ms.argmin())
            return Selection(
                index,
                f"no branch fits {budget}; the fastest takes {latency_ms[index]:.1f} ms",
            )
        enterable = fits
        if current is not None:
            enterable = fits & (
                (latency_ms <= _ENTRY_SHARE * budget_ms) | (latency_ms <= latency_ms[current])
            )
        if not enterable.any():
            enterable = fits
        ranked = np.where(enterable, accuracy, -np.inf)
        equals = np.flatnonzero(ranked == ranked.max())
        best = int(equals[latency_ms[equals].argmin()])
        count = int(fits.sum())
        if current is not None and fits[current] and self._is_good_enough(candidates, best):
            return Selection(
                current,
                f"kept: fits {budget}, and no other branch that does is clearly better",
            )
        return Selection(
            best,
            f"most accurate of {count} branches that fit {budget}"
            + ("" if accuracy[best] >= 0 else " (ranked by rule of thumb)"),
        )

    @staticmethod
    def _is_good_enough(candidates: Candidates, best: int) -> bool:
        accuracy, current = candidates.accuracy, candidates.current
        if current is None or current == best:
            return False
        if accuracy[current] < 0:
            # Ranks have no scale on which a gain could be small.
            return bool(accuracy[best] <= accuracy[current])
        return bool(accuracy[best] < accuracy[current] + _LEAST_GAIN)


def _in_words(sla_ms: float, budget_ms: float) -> str:
    """Budget as the user knows it, and what is granted beyond it."""
    granted = budget_ms / sla_ms - 1
    words = f"{sla_ms:.1f} ms"
    return words if granted < 0.005 else f"{words} (+{granted:.0%}, as few frames are late)"


class Fixed(_Memoryless):
    """Always the same branch.

    Parameters
    ----------
    branch
        Must be in the space that it is used with.
    """

    reacts_at_once = False

    def __init__(self, branch: Branch) -> None:
        self._branch = branch

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """See `SchedulingPolicy`."""
        return Selection(candidates.space.index(self._branch), "fixed by the user")
