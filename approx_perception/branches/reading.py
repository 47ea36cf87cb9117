"""Spaces and branches of either task, as they stand in files and messages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from approx_perception.branches._base import Space
from approx_perception.branches.branch import Branch, parse_branch
from approx_perception.branches.classifier_branch import ClassifierBranch, parse_classifier_branch
from approx_perception.branches.classifier_space import ClassifierSpace
from approx_perception.branches.space import BranchSpace
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import read_yaml_table

__all__ = ["read_branch", "read_space", "read_space_file"]

_WHAT = "a space: shape, nprop, si and trackers of detection, or pairs of classification"


def read_branch(text: str) -> Branch | ClassifierBranch:
    """Read a branch as it is written.

    Raises
    ------
    ConfigurationError
        If it cannot be understood.
    """
    if "exit=" in text:
        return parse_classifier_branch(text)
    return parse_branch(text, Branch(32))


def read_space(data: object, origin: str) -> Space[Any]:
    """Build a space from parsed YAML or JSON; ``origin`` names it in errors.

    Raises
    ------
    ConfigurationError
        If it is no valid space.
    """
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{origin} must hold {_WHAT}")
    kind = ClassifierSpace if "pairs" in data else BranchSpace
    return kind.from_dict(data, origin)


def read_space_file(path: Path) -> Space[Any]:
    """Read a space file.

    Raises
    ------
    ConfigurationError
        If the file is missing, no YAML, or not a valid space.
    """
    return read_space(read_yaml_table(path, "branch space", _WHAT), str(path))
