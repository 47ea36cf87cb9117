"""Whether what begins a group runs in turn with the frames or beside them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.interface.systems import BESIDE_POLICIES, EXECUTIONS

__all__ = ["check_execution"]


def check_execution(
    execution: str,
    space: Any,
    policy: str,
    branch: Any,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Refuse what cannot run so.

    Parameters
    ----------
    execution
        A name of `EXECUTIONS`.
    space, allowed
        Branches to choose from, and ``(B,)`` which of them may be; None for all.
    policy, branch
        How to choose, and the one for ``fixed``.

    Raises
    ------
    ConfigurationError
        If there is no such execution, or nothing could carry frames beside the network.
    """
    if execution not in EXECUTIONS:
        raise ConfigurationError(f"execution is {shown(execution)}; choose {choices(EXECUTIONS)}")
    if execution == "sequential":
        return
    need = "execution 'pipelined' needs a tracker that carries the frames between detections"
    if space.beside is None:
        raise ConfigurationError(f"{need}, and no branch of {shown(space.name)} has one")
    if policy not in BESIDE_POLICIES:
        raise ConfigurationError(
            f"the policy {shown(policy)} works with execution 'sequential' alone; choose "
            f"{choices(BESIDE_POLICIES)} for 'pipelined'"
        )
    possible = space.beside.compiled.possible
    if policy == "fixed" and not possible[space.index(branch)]:
        raise ConfigurationError(f"{need}, and the branch {branch} has none; choose si above 1")
    if allowed is not None and not (possible & allowed).any():
        raise ConfigurationError(f"{need}, and no branch that is allowed has one")
