"""What every space of branches offers, whatever its knobs are."""

import hashlib
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from approx_perception.branches.compiled import CompiledSpace
from approx_perception.exceptions import ConfigurationError

__all__ = ["Space"]

AnyBranch = TypeVar("AnyBranch", bound=Hashable)


class Space(Sequence[AnyBranch], Generic[AnyBranch]):
    """Branches in a stable order: every predictor returns a ``(B,)`` array in it.

    A branch is a frozen value of its knobs, which its text names.

    Parameters
    ----------
    name
        For messages.
    branches
        All different.
    """

    def __init__(self, name: str, branches: Sequence[AnyBranch]) -> None:
        self.name = name
        self._branches = tuple(branches)

    @property
    @abstractmethod
    def compiled(self) -> CompiledSpace:
        """What the scheduler knows of it."""

    @abstractmethod
    def describe(self) -> str:
        """One line with the values of every knob."""

    @cached_property
    def hash(self) -> str:
        """Short fingerprint of the branches and their order."""
        return hashlib.sha256("\n".join(map(str, self)).encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._branches)

    def __getitem__(self, index: Any) -> Any:
        return self._branches[index]

    def __contains__(self, branch: object) -> bool:
        return branch in self._index

    def parts_of(self, branch: AnyBranch, kind: str) -> tuple[int, ...]:
        """Positions of the parts that a branch uses on a frame of a kind, its main part first."""
        compiled = self.compiled
        return compiled.parts_of(self.index(branch), compiled.kinds.index(kind))

    def index(self, branch: AnyBranch, *_: int) -> int:  # type: ignore[override]
        """Position of a branch.

        Raises
        ------
        ConfigurationError
            If it is not in the space.
        """
        try:
            return self._index[branch]
        except KeyError:
            raise ConfigurationError(
                f"branch {branch} is not in space {self.name!r}; {self.describe()}"
            ) from None

    @cached_property
    def _index(self) -> dict[AnyBranch, int]:
        return {branch: position for position, branch in enumerate(self._branches)}
