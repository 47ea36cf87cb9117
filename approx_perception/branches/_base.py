"""What every space of branches offers, whatever its knobs are."""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from copy import copy
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

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

    Attributes
    ----------
    task
        What a kernel with these branches does, such as ``detection``.
    knobs
        Names of the knobs that a user may limit; see `allowed_branches`.
    """

    task: ClassVar[str]
    knobs: ClassVar[tuple[str, ...]]

    def __init__(self, name: str, branches: Sequence[AnyBranch]) -> None:
        self.name = name
        self._branches = tuple(branches)

    @property
    @abstractmethod
    def compiled(self) -> CompiledSpace:
        """What the scheduler knows of it."""

    @property
    @abstractmethod
    def default_branch(self) -> AnyBranch:
        """The most accurate one as far as the knobs tell."""

    @abstractmethod
    def describe(self) -> str:
        """One line with the values of every knob."""

    @abstractmethod
    def parse(self, text: str, default: AnyBranch | None = None) -> AnyBranch:
        """Read the text of a branch, which need not be in the space.

        Knobs not named are the default's; without one, those of `default_branch`.

        Raises
        ------
        ConfigurationError
            If a knob or value cannot be understood.
        """

    @abstractmethod
    def with_branch(self, branch: AnyBranch) -> "Space[AnyBranch]":
        """Return the space of that one branch."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the form that `read_space` reads; plain JSON."""

    def values(self, branch: AnyBranch, knob: str) -> set[str]:
        """What a user may call the value of a knob; empty where the branch has none."""
        value = getattr(branch, knob)
        return set() if value is None else {str(value)}

    @cached_property
    def beside(self) -> "Space[AnyBranch] | None":
        """The same branches, of which the part that begins a group runs beside the frames.

        None where there is no branch whose frames something could carry meanwhile.
        """
        compiled = self._compile_beside()
        if compiled is None:
            return None
        space = copy(self)
        # In place of the cached property.
        space.__dict__["compiled"] = compiled
        return space

    def _compile_beside(self) -> CompiledSpace | None:
        return None

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

    def __repr__(self) -> str:
        return json.dumps({**self.to_dict(), "branches": len(self), "hash": self.hash})

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
