"""Branches of a classifier: the pairs of an input shape and an exit that it offers."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

from approx_perception.branches._base import Space
from approx_perception.branches.classifier_branch import ClassifierBranch, parse_classifier_branch
from approx_perception.branches.compiled import CompiledSpace, Part, Run, compile_space
from approx_perception.exceptions import ConfigurationError, shown

__all__ = ["ClassifierSpace"]


class ClassifierSpace(Space[ClassifierBranch]):
    """Branches of classification (ApproxNet, section 3).

    Every frame is classified, so a group is one frame, and each branch is a part by itself.

    Parameters
    ----------
    name
        For messages.
    pairs
        ``(shape, exit)`` of each branch, in the order of the space.

    Raises
    ------
    ConfigurationError
        If there are none, one comes twice, or a value is outside its range.
    """

    task = "classification"
    knobs = ("shape", "exit")

    def __init__(self, name: str, pairs: Sequence[tuple[int, int]]) -> None:
        branches = [ClassifierBranch(*pair) for pair in pairs]
        if not branches:
            raise ConfigurationError(f"space {name!r} needs pairs of shape and exit")
        if len(set(branches)) < len(branches):
            twice = next(branch for branch in branches if branches.count(branch) > 1)
            raise ConfigurationError(f"space {name!r} names {twice} twice")
        super().__init__(name, branches)

    @property
    def default_branch(self) -> ClassifierBranch:
        """The largest shape at its last exit."""
        return max(self)

    @cached_property
    def compiled(self) -> CompiledSpace:
        """What the scheduler knows of it: a part a branch, all frames of one kind."""
        parts = [Part(str(branch), "classification", f"classifier at {branch}") for branch in self]
        return compile_space(parts, [[Run("classify", (part,))] for part in parts])

    def describe(self) -> str:
        """One line with the exits of every shape."""
        return ", ".join(
            f"shape {shape} exit {' '.join(map(str, exits))}" for shape, exits in self._by_shape()
        )

    def parse(self, text: str, default: ClassifierBranch | None = None) -> ClassifierBranch:
        """See `Space`; the default's exit where the text names none."""
        return parse_classifier_branch(text, default or self.default_branch)

    def with_branch(self, branch: ClassifierBranch) -> "ClassifierSpace":
        """Return the space of that one branch."""
        return ClassifierSpace(str(branch), [(branch.shape, branch.exit)])

    def to_dict(self) -> dict[str, Any]:
        """Return the form that `from_dict` reads."""
        pairs = [{"shape": shape, "exit": exits} for shape, exits in self._by_shape()]
        return {"name": self.name, "pairs": pairs}

    def _by_shape(self) -> list[tuple[int, list[int]]]:
        """Each shape and its exits, in order."""
        runs = groupby(self, key=lambda branch: branch.shape)
        return [(shape, [branch.exit for branch in run]) for shape, run in runs]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], origin: str) -> "ClassifierSpace":
        """Build a space from parsed YAML with the keys ``name`` and ``pairs``."""
        if unknown := sorted(set(data) - {"name", "pairs"}, key=str):
            raise ConfigurationError(
                f"{origin} has the unknown key {shown(unknown[0])}; choose 'name' or 'pairs'"
            )
        entries = data.get("pairs")
        if not isinstance(entries, list):
            raise ConfigurationError(f"{origin}: pairs is {shown(entries)}, expected a list")
        pairs = [pair for entry in entries for pair in _pairs_of(entry, origin)]
        try:
            return cls(str(data.get("name", origin)), pairs)
        except (ConfigurationError, TypeError) as error:
            raise ConfigurationError(f"{origin}: {error}") from error


def _pairs_of(entry: object, origin: str) -> list[tuple[int, int]]:
    if (
        not isinstance(entry, Mapping)
        or set(entry) != {"shape", "exit"}
        or not isinstance(entry["exit"], list)
    ):
        raise ConfigurationError(
            f"{origin}: {shown(entry)} must be a mapping with 'shape' and a list 'exit'"
        )
    return [(entry["shape"], own) for own in entry["exit"]]
