"""A branch is one setting of all knobs; a space is the ordered set to choose from."""

from approx_perception.branches._base import Space
from approx_perception.branches.allowed import KNOBS, allowed_branches
from approx_perception.branches.branch import (
    TRACKER_NAMES,
    Branch,
    TrackerSettings,
    parse_branch,
)
from approx_perception.branches.compiled import CompiledSpace, Part, Run, compile_space
from approx_perception.branches.space import BranchSpace

__all__ = [
    "KNOBS",
    "allowed_branches",
    "TRACKER_NAMES",
    "Branch",
    "BranchSpace",
    "CompiledSpace",
    "Part",
    "Run",
    "Space",
    "compile_space",
    "TrackerSettings",
    "parse_branch",
]
