"""A branch is one setting of all knobs; a space is the ordered set to choose from."""

from approx_perception.branches._base import Space
from approx_perception.branches.allowed import allowed_branches
from approx_perception.branches.branch import (
    TRACKER_NAMES,
    Branch,
    TrackerSettings,
    parse_branch,
)
from approx_perception.branches.classifier_branch import ClassifierBranch
from approx_perception.branches.classifier_space import ClassifierSpace
from approx_perception.branches.compiled import CompiledSpace, Part, Run, compile_space
from approx_perception.branches.reading import read_branch, read_space, read_space_file
from approx_perception.branches.space import BranchSpace

__all__ = [
    "TRACKER_NAMES",
    "Branch",
    "BranchSpace",
    "ClassifierBranch",
    "ClassifierSpace",
    "CompiledSpace",
    "Part",
    "Run",
    "Space",
    "TrackerSettings",
    "allowed_branches",
    "compile_space",
    "parse_branch",
    "read_branch",
    "read_space",
    "read_space_file",
]
