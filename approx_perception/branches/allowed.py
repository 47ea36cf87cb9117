"""Which branches of a space a user allows, knob by knob."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.branches._base import Space
from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["allowed_branches"]


def allowed_branches(space: Space[Any], texts: Mapping[str, str]) -> npt.NDArray[np.bool_] | None:
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
        ``(B,)`` bool; None where all are allowed.

    Raises
    ------
    ConfigurationError
        If a value is not in the space, or no branch has the values that are allowed.
    """
    mask = np.ones(len(space), bool)
    for knob, text in texts.items():
        wanted = {value.strip() for value in text.split(",") if value.strip()}
        if not wanted:
            continue
        own = [space.values(branch, knob) for branch in space]
        known = {name for values in own for name in values}
        if unknown := sorted(wanted - known):
            by_length = sorted(sorted(known), key=len)
            raise ConfigurationError(
                f"allowed.{knob} names {shown(unknown[0])}, which the space {space.name!r} does "
                f"not have; choose {choices(by_length)}"
            )
        mask &= np.array([not values or bool(values & wanted) for values in own])
    if not mask.any():
        given = [f"allowed.{knob} {shown(text)}" for knob, text in texts.items() if text]
        raise ConfigurationError(
            f"no branch of the space {space.name!r} has {' and '.join(given)}; it has "
            f"{space.describe()}"
        )
    return None if mask.all() else mask
