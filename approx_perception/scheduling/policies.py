"""Ways to choose a branch among candidates."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace
from approx_perception.exceptions import ConfigurationError, choices

__all__ = [
    "POLICY_NAMES",
    "Candidates",
    "Fastest",
    "Fixed",
    "MostAccurate",
    "SchedulingPolicy",
    "Selection",
    "create_policy",
]

POLICY_NAMES = ("most_accurate", "fixed", "fastest")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """All branches of a space with what is expected of them, ``(B,)`` each, in its order.

    Attributes
    ----------
    space
        The branches.
    mean_ms
        Latency of a frame, over a group.
    quantile_ms
        Latency at the SLA's quantile, in its scope: what must fit the budget.
    accuracy
        AP50, or ranks below 0 where nothing was measured.
    """

    space: BranchSpace
    mean_ms: npt.NDArray[np.float64]
    quantile_ms: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Selection:
    """Position of the chosen branch in the space, and why it was chosen."""

    index: int
    reason: str


class SchedulingPolicy(Protocol):
    """Chooses; called by the scheduler at each group boundary."""

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """Choose a branch for a latency budget."""
        ...


class Fastest:
    """The branch of the lowest latency, whatever the budget."""

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """See `SchedulingPolicy`."""
        index = int(candidates.quantile_ms.argmin())
        return Selection(index, f"fastest of {len(candidates.space)} branches")


class MostAccurate:
    """The most accurate branch inside the budget, the faster one of equals.

    If none fits: the fastest, and the reason says so.
    """

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """See `SchedulingPolicy`."""
        latency_ms = candidates.quantile_ms
        fitting = np.flatnonzero(latency_ms <= budget_ms)
        if not len(fitting):
            index = int(latency_ms.argmin())
            return Selection(
                index,
                f"no branch fits {budget_ms:.1f} ms; the fastest takes {latency_ms[index]:.1f} ms",
            )
        order = np.lexsort((latency_ms[fitting], -candidates.accuracy[fitting]))
        best = int(fitting[order[0]])
        return Selection(
            best,
            f"most accurate of {len(fitting)} branches that fit {budget_ms:.1f} ms"
            + ("" if candidates.accuracy[best] >= 0 else " (ranked by rule of thumb)"),
        )


class Fixed:
    """Always the same branch.

    Parameters
    ----------
    branch
        Must be in the space that it is used with.
    """

    def __init__(self, branch: Branch) -> None:
        self._branch = branch

    def select(self, candidates: Candidates, budget_ms: float) -> Selection:
        """See `SchedulingPolicy`."""
        return Selection(candidates.space.index(self._branch), "fixed by the user")


def create_policy(name: str, branch: Branch) -> SchedulingPolicy:
    """Build a policy by name; ``branch`` is the one for ``fixed``.

    Raises
    ------
    ConfigurationError
        If there is no such policy.
    """
    if name == "most_accurate":
        return MostAccurate()
    if name == "fixed":
        return Fixed(branch)
    if name == "fastest":
        return Fastest()
    raise ConfigurationError(f"there is no policy {name!r}; choose {choices(POLICY_NAMES)}")
