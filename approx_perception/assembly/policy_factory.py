"""Policies by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy._base import RANKS_BELOW
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.interface.systems import POLICIES
from approx_perception.scheduling.policies import (
    Fastest,
    Fixed,
    LeastLatency,
    MostAccurate,
    SchedulingPolicy,
)

__all__ = ["PolicyFactory", "check_policy_name"]


def check_policy_name(name: str, task: str) -> None:
    """Raise `ConfigurationError` if there is no such policy for the task."""
    if name not in POLICIES[task]:
        raise ConfigurationError(
            f"there is no policy {shown(name)} for {task}; choose {choices(POLICIES[task])}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class PolicyFactory:
    """Builds policies for one space; policies remember, so each stream needs its own.

    Attributes
    ----------
    space
        Branches to choose from.
    accuracy
        ``(B,)`` content-agnostic AP50, or ranks below `RANKS_BELOW`.
    network
        For baselines that look into it.
    profile
        Of this machine, for baselines with predictors of their own.
    task
        What the network is for.
    """

    space: Any
    accuracy: npt.NDArray[np.float64]
    network: Any = None
    profile: Path | None = None
    task: str = "detection"

    def create(self, name: str, branch: Any) -> SchedulingPolicy:
        """Policy of that name; ``branch`` is the one for ``fixed``.

        Raises
        ------
        ConfigurationError
            If there is no such policy, or it cannot be had without a profile or accuracy.
        """
        check_policy_name(name, self.task)
        if name == "fixed":
            self.space.index(branch)
            return Fixed(branch)
        if name == "fastest":
            return Fastest()
        if name == "most_accurate":
            return MostAccurate()
        if name == "least_latency":
            if self.accuracy[0] < RANKS_BELOW:
                raise ConfigurationError(
                    "the policy 'least_latency' must know how accurate branches are, and nothing "
                    "is known of this network: make a profile on data with ground truth with "
                    "approx-perception profile and name it"
                )
            return LeastLatency()
        # Only comparisons need them.
        from approx_perception.baselines.by_name import create_baseline

        return create_baseline(name, branch, self.space, self.accuracy, self.network, self.profile)

    def check(self, name: str, branch: Any, allowed: npt.NDArray[np.bool_] | None = None) -> None:
        """Raise what `create` would raise.

        Also refuse a policy that could choose none of the ``(B,)`` branches ``allowed``; None
        allows all.
        """
        self.create(name, branch)
        if name == "adascale":
            from approx_perception.baselines.policies import every_frame_branches

            every_frame_branches(self.space, np.ones(1, bool) if allowed is None else allowed)
