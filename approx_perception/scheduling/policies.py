"""Ways to choose a branch among candidates."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import RANKS_BELOW
from approx_perception.exceptions import counted
from approx_perception.scheduling import constants
from approx_perception.scheduling.lateness_price import LatenessPrice
from approx_perception.structures import FrameResult, GroupEnded, Observation, SlaScope

__all__ = [
    "Candidates",
    "Fastest",
    "Fixed",
    "LeastLatency",
    "MostAccurate",
    "SchedulingPolicy",
    "Selection",
]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """All branches of a space with what is expected of them, ``(B,)`` each, in its order.

    Branches that may not be chosen never end, and are not held on to.

    Attributes
    ----------
    space
        The branches.
    mean_ms
        Latency of a frame, over a group.
    quantile_ms
        Latency at the SLA's quantile, in its scope.
    late_share
        Share of frames, or of groups in scope ``gof``, expected over the SLA.
    accuracy
        AP50, or ranks below `RANKS_BELOW` where nothing was measured.
    current
        Position of the branch that ran before; None if it may not be held on to.
    observation
        What all this is expected for.
    is_open
        Whether a branch may be chosen; all, if it is left out.
    accuracy_errors
        See `AccuracyPredictor`.
    """

    space: Any
    mean_ms: npt.NDArray[np.float64]
    quantile_ms: npt.NDArray[np.float64]
    late_share: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    current: int | None
    observation: Observation
    is_open: npt.NDArray[np.bool_] = field(default_factory=lambda: np.ones(1, bool))
    accuracy_errors: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        is_open = np.broadcast_to(self.is_open, len(self.space))
        closed = self.current is not None and not is_open[self.current]
        for name, value in (
            ("is_open", is_open),
            ("mean_ms", np.where(is_open, self.mean_ms, np.inf)),
            ("quantile_ms", np.where(is_open, self.quantile_ms, np.inf)),
            ("current", None if closed else self.current),
        ):
            object.__setattr__(self, name, value)

    def doubt(self, branch: int) -> npt.NDArray[np.float64]:
        """``(B,)`` standard deviation of how far AP50 lies from that of one of the branches."""
        if not len(self.accuracy_errors):
            return np.zeros(len(self.space))
        of_difference = self.accuracy_errors - self.accuracy_errors[:, [branch]]
        return np.asarray(np.sqrt((of_difference**2).mean(axis=0)))

    def any_fits(self) -> bool:
        """Whether a branch that may be chosen is late no more often than the SLA allows."""
        late_share, _ = _lateness(self, 0.0)
        fits = late_share <= 1 - self.observation.sla.quantile
        return bool((fits & self.is_open).any())

    def among(self, allowed: npt.NDArray[np.bool_]) -> "Candidates":
        """Candidates of which only those are open that were and that are allowed."""
        return replace(self, is_open=self.is_open & allowed)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen branch and why.

    Attributes
    ----------
    index
        Its position in the space.
    reason
        In words for the user.
    """

    index: int
    reason: str


class SchedulingPolicy(ABC):
    """Chooses; called by the scheduler alone, which has one of its own for each camera.

    Attributes
    ----------
    reacts_at_once
        Whether a change of SLA ends a group; another stream always does.
    stretches_groups
        Whether a group over an SLA of scope ``gof`` goes on until its mean is inside.
    """

    reacts_at_once = True
    stretches_groups = False

    @abstractmethod
    def select(self, candidates: Candidates) -> Selection:
        """Choose a branch for a group that begins."""

    def observe(self, result: FrameResult) -> str:
        """Take in what came of a frame.

        Returns
        -------
        str
            Why the group should end with it; empty if it should not. What the kernel says, if a
            policy does not override it.
        """
        return result.why_end

    def group_ended(self, group: GroupEnded) -> None:  # noqa: B027
        """Take in a group that is over."""


class Fastest(SchedulingPolicy):
    """The branch of the lowest latency, whatever the budget."""

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        index = int(candidates.quantile_ms.argmin())
        return Selection(index, f"fastest of {counted(len(candidates.space), 'branch')}")


class MostAccurate(SchedulingPolicy):
    """The branch of the highest accuracy less what it is expected to cost in late frames.

    A branch *fits* if no more frames are expected over the SLA than that allows. While fewer
    were, being late is cheap and a branch that does not quite fit may be worth it; see
    `LatenessPrice`. The branch that runs is held on to unless another is clearly better, so that
    noise makes nothing flap. If none fits, the reason says so, and a late frame counts as a wrong
    one at most; if none is near, the one that is late least often runs.

    In scope ``gof`` a late group goes on and so becomes one of a branch with longer groups: what it
    costs to be late is then what that loses in accuracy, and only a group that would still be late
    at the longest is over the SLA.

    The first group of a stream that was never seen is of one frame: only then does its content
    show, and so what further frames take.
    """

    stretches_groups = True

    def __init__(self) -> None:
        self._price = LatenessPrice()

    def observe(self, result: FrameResult) -> str:
        """See `SchedulingPolicy`."""
        self._price.observe(result)
        return result.why_end

    def group_ended(self, group: GroupEnded) -> None:
        """See `SchedulingPolicy`."""
        self._price.group_ended(group)

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        self._price.serve(candidates.observation.sla)
        return _after_a_look(candidates, self._select)

    def _select(self, candidates: Candidates) -> Selection:
        sla, latency_ms = candidates.observation.sla, candidates.quantile_ms
        accuracy, allowed = candidates.accuracy, 1 - sla.quantile
        late_share, cost = _lateness(candidates, self._price.ap50)
        fits = candidates.is_open & (late_share <= allowed)
        if not fits.any():
            # A late frame counts as a wrong one at most: more of them cannot be saved.
            late_share, cost = _lateness(candidates, min(self._price.ap50, 1.0))
        budget = f"{sla.latency_ms:.1f} ms"
        considered, value = fits, accuracy
        # Ranks have no scale on which lateness could have a price.
        if accuracy[0] >= RANKS_BELOW:
            value = accuracy - cost
            if self._price.has_room or not fits.any():
                considered = candidates.is_open & (late_share <= constants.MOST_LATE * allowed)
        if not considered.any():
            # The one that is late least often, and of such ones the fastest.
            late_share = np.where(candidates.is_open, late_share, np.inf)
            index = int(np.lexsort((latency_ms, late_share))[0])
            return Selection(
                index, f"no branch fits {budget}; the fastest takes {latency_ms[index]:.1f} ms"
            )
        value = np.where(considered, value, -np.inf)
        best = _best(candidates, value)
        dearer = candidates.is_open & ~fits & (accuracy > accuracy[best])
        if self._price.may_explore and dearer.any():
            self._price.explored()
            index = int(np.where(dearer, latency_ms, np.inf).argmin())
            return Selection(index, f"a try: all frames were inside {budget} for long")
        if best == candidates.current and best != value.argmax():
            none = "no other branch" if fits.any() else f"no branch fits {budget}, and no other"
            return Selection(best, f"kept: {none} is clearly better")
        if not fits[best]:
            share = f"{late_share[best]:.0%} of {sla.scope.value}s"
            return Selection(
                best,
                f"most accurate for the {share} expected over {budget}: few were late before"
                if fits.any()
                else f"no branch fits {budget}; most accurate for {share} expected over it",
            )
        rule = "" if accuracy[best] >= RANKS_BELOW else " (ranked by rule of thumb)"
        count = int(np.count_nonzero(fits))
        return Selection(
            best, f"most accurate of {counted(count, 'branch')} that fit {budget}{rule}"
        )


def _best(candidates: Candidates, value: npt.NDArray[np.float64]) -> int:
    """Of ``(B,)`` values, -inf where it is not considered: the highest, unless a cheaper one or the
    present one is hardly worse.
    """
    best = int(value.argmax())
    near = np.flatnonzero(value >= value[best] - constants.LIKELY * candidates.doubt(best))
    best = int(near[np.lexsort((-value[near], candidates.mean_ms[near]))[0]])
    current = candidates.current
    if current is not None and value[current] > value[best] - constants.LEAST_GAIN:
        return current
    return best


class LeastLatency(SchedulingPolicy):
    """Of the branches that reach the accuracy that the SLA asks for, the one of least latency.

    Latency is the mean that is expected, accuracy that on the present content. If no branch reaches
    the target, the most accurate one runs and the reason says so. The SLA's budget decides nothing
    here: lateness is judged by it. The first group of a stream is a look, as for `MostAccurate`.
    """

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`; the accuracy must be no ranks."""
        return _after_a_look(candidates, self._select)

    def _select(self, candidates: Candidates) -> Selection:
        target, accuracy = candidates.observation.sla.accuracy, candidates.accuracy
        reaches = candidates.is_open & (accuracy >= target)
        if not reaches.any():
            best = int(np.where(candidates.is_open, accuracy, -np.inf).argmax())
            return Selection(
                best,
                f"no branch is expected to reach accuracy {target:g}; the most accurate one, "
                f"{accuracy[best]:.2f}",
            )
        quickest = int(np.where(reaches, candidates.mean_ms, np.inf).argmin())
        expected = f"{accuracy[quickest]:.2f} in {candidates.mean_ms[quickest]:.1f} ms"
        count = int(np.count_nonzero(reaches))
        rule = (
            f" of {counted(count, 'branch')} that reach accuracy {target:g}"
            if target
            else ", no accuracy is asked for"
        )
        return Selection(quickest, f"least latency{rule}; expected {expected}")


def _after_a_look(candidates: Candidates, select: Callable[[Candidates], Selection]) -> Selection:
    """Select; for a stream that was never seen among groups of one frame, for its content shows."""
    looks = candidates.space.compiled.group_frames == 1
    if candidates.observation.content.is_known or not (looks & candidates.is_open).any():
        return select(candidates)
    selection = select(candidates.among(looks))
    return replace(selection, reason=f"a look at a new scene: {selection.reason}")


def _lateness(
    candidates: Candidates, price: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """``(B,)`` share of frames or groups expected late for good, and AP50 that lateness costs."""
    cost = price * candidates.late_share
    longer = candidates.space.compiled.longer
    if candidates.observation.sla.scope is not SlaScope.GOF or not longer.size:
        return candidates.late_share, cost
    late, accuracy, own_cost = (
        values[longer] for values in (candidates.late_share, candidates.accuracy, cost)
    )
    is_open = candidates.is_open[longer]
    goes_on = is_open[-1].copy()
    # For each length but the longest: what a group that is late there loses by going on.
    lost = late[:-1] * np.maximum(accuracy[:-1] - accuracy[1:], 0.0)
    for own in range(len(longer) - 2, -1, -1):
        np.add(lost[own], own_cost[own + 1], out=own_cost[own], where=goes_on)
        np.minimum(late[own], late[own + 1], out=late[own], where=goes_on)
        # A late group goes on past a length that is closed, up to the longest that is open.
        goes_on |= is_open[own]
    late_share = candidates.late_share.copy()
    late_share[longer], cost[longer] = late, own_cost
    return late_share, cost


class Fixed(SchedulingPolicy):
    """Always the same branch.

    Parameters
    ----------
    branch
        Must be in the space that it is used with.
    """

    reacts_at_once = False

    def __init__(self, branch: Hashable) -> None:
        self._branch = branch

    def observe(self, result: FrameResult) -> str:
        """See `SchedulingPolicy`: its groups are as long as it says."""
        return ""

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        return Selection(candidates.space.index(self._branch), "fixed by the user")
