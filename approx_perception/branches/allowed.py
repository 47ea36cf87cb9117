"""Which branches of a space a user allows, knob by knob."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from approx_perception.branches.branch import Branch
from approx_perception.branches.space import BranchSpace
from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["KNOBS", "allowed_branches"]

KNOBS = ("shape", "nprop", "si", "tracker")


def _values(branch: Branch, knob: str) -> set[str]:
    """What a user may call this knob of a branch; empty where it has none."""
    if knob == "tracker":
        return (
            set() if branch.tracker is None else {branch.tracker, f"{branch.tracker}:{branch.ds}"}
        )
    value = getattr(branch, knob)
    return set() if value is None else {str(value)}


def allowed_branches(space: BranchSpace, texts: Mapping[str, str]) -> npt.NDArray[np.bool_] | None:
    """Read which values of each knob are allowed.

    Parameters
    ----------
    space
        All branches.
    texts
        ``{knob: values separated by commas}``; empty: all. Branches without a knob pass it.

    Returns
    -------
    ndarray or None
        ``(B,)`` bool; None where all are allowed. As a space has every combination of its knobs,
        one branch at least is left.

    Raises
    ------
    ConfigurationError
        If a value is not in the space.
    """
    mask = np.ones(len(space), bool)
    for knob, text in texts.items():
        wanted = {value.strip() for value in text.split(",") if value.strip()}
        if not wanted:
            continue
        own = [_values(branch, knob) for branch in space]
        known = {name for values in own for name in values}
        if unknown := sorted(wanted - known):
            by_length = sorted(sorted(known), key=len)
            raise ConfigurationError(
                f"allowed.{knob} names {shown(unknown[0])}, which the space {space.name!r} does "
                f"not have; choose {choices(by_length)}"
            )
        mask &= np.array([not values or bool(values & wanted) for values in own])
    return None if mask.all() else mask
