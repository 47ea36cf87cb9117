"""What a space is to the scheduler: parts, kinds of frame and their shares, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from approx_perception.exceptions import ConfigurationError, choices

__all__ = ["MOST_STEPS", "CompiledSpace", "Part", "Run", "compile_space"]

Integers = npt.NDArray[np.int64]

#: Steps in which what was found beside is brought forward, at most: frames between are left out.
MOST_STEPS = 2


@dataclass(frozen=True, slots=True)
class Part:
    """Something that takes time and is measured by itself.

    Attributes
    ----------
    name
        For people, such as ``step of kcf:2``; unique in a space.
    family
        Parts alike: contention and a wrong profile change their latencies alike.
    owner
        What fails, and is left out, as one: start and step of a tracker have the same.
    """

    name: str
    family: str
    owner: str


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive frames of a group that are alike.

    Attributes
    ----------
    kind
        Of the frames.
    parts
        That run on each of them; the first one is what frames of the kind are known by.
    count
        How many they are.
    """

    kind: str
    parts: tuple[Part, ...]
    count: int = 1


@dataclass(frozen=True, eq=False)
class CompiledSpace:
    """B branches as cadences of K kinds of frame, which use P parts.

    A *frame* here is one of the F different pairs of a kind and the parts that it uses: branches
    share them, so that what is worked out for each frame serves all branches.

    Attributes
    ----------
    parts
        The P parts; position P stands for none, which takes no time.
    kinds
        Names of the K kinds; a group begins with a frame of the first one.
    frames
        ``(F, M)`` positions of the parts of each frame, filled up with P. The first is its main
        part.
    frame_kind
        ``(F,)`` position of each frame's kind.
    frame_of
        ``(B, K)`` frame that a branch runs for each kind; F where it has none of the kind.
    share
        ``(B, K)`` share of a branch's frames that are of each kind; rows sum to 1.
    group_frames
        ``(B,)`` frames of a group, at least 1.
    longer
        ``(S, N)`` branches that differ in the length of their groups alone: a column for each such
        set, the shortest first. Groups of one frame are in none: nothing in them can go on.
    beside
        ``(B,)`` part that runs beside the frames of a branch, in a thread of its own; P for none.
    by_steps
        ``(S, B)`` frame of the first kind, by the number of steps in which what was found beside is
        brought forward, from 1; one row where nothing is.
    """

    parts: tuple[Part, ...]
    kinds: tuple[str, ...]
    frames: Integers
    frame_kind: Integers
    frame_of: Integers
    share: npt.NDArray[np.float64]
    group_frames: Integers
    longer: Integers
    beside: Integers
    by_steps: Integers
    _starts: tuple[tuple[int, ...], ...]

    def kind_at(self, branch: int, position: int) -> int:
        """Kind of the frame at a position in a branch's group; the last kind goes on for ever."""
        starts = self._starts[branch]
        return max(kind for kind, start in enumerate(starts) if start <= position)

    def parts_of(self, branch: int, kind: int) -> tuple[int, ...]:
        """Positions of the parts that a branch uses on a frame of a kind, its main part first."""
        frame = self.frame_of[branch, kind]
        if frame == len(self.frames):
            return ()
        return tuple(int(part) for part in self.frames[frame] if part < len(self.parts))

    @cached_property
    def uses(self) -> npt.NDArray[np.bool_]:
        """``(B, K, P)`` whether a branch uses a part on a frame of a kind."""
        count = len(self.parts)
        padded = np.vstack([self.frames, np.full((1, self.frames.shape[1]), count)])
        used = np.zeros((*self.frame_of.shape, count + 1), bool)
        np.put_along_axis(used, padded[self.frame_of], True, axis=2)
        return np.asarray(used[..., :count])

    @cached_property
    def possible(self) -> npt.NDArray[np.bool_]:
        """``(B,)`` branches that can run: those with a part beside, where any has one."""
        has_one = self.beside < len(self.parts)
        return has_one if has_one.any() else ~has_one

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Names of the families, in the order of their first parts."""
        return tuple(dict.fromkeys(part.family for part in self.parts))

    @cached_property
    def family_of(self) -> Integers:
        """``(P,)`` position of each part's family."""
        return np.array([self.families.index(part.family) for part in self.parts], np.int64)

    @cached_property
    def main_parts(self) -> tuple[Integers, ...]:
        """Of each kind, positions of the parts that its frames are known by."""
        kinds = range(len(self.kinds))
        return tuple(np.unique(self.frames[self.frame_kind == kind, 0]) for kind in kinds)

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """What can be left out, in the order of their first parts."""
        return tuple(dict.fromkeys(part.owner for part in self.parts))

    @cached_property
    def owned(self) -> npt.NDArray[np.bool_]:
        """``(B, O)`` whether a branch uses a part of each owner."""
        owner_of = np.array([self.owners.index(part.owner) for part in self.parts])
        used = np.asarray(self.uses.any(axis=1))
        branches = np.flatnonzero(self.beside < len(self.parts))
        used[branches, self.beside[branches]] = True
        return np.stack([used[:, owner_of == o].any(axis=1) for o in range(len(self.owners))], 1)


def compile_space(
    parts: Sequence[Part],
    groups: Sequence[Sequence[Run]],
    longer: Sequence[Sequence[int]] | Integers = (),
    beside: Sequence[Part | None] = (),
    by_steps: Sequence[Sequence[Run]] = (),
) -> CompiledSpace:
    """Compile the group of each branch.

    Parameters
    ----------
    parts
        All parts, in the order that they are to have.
    groups
        Of each branch, the runs of its group.
    longer
        See `CompiledSpace`.
    beside
        Of each branch, the part that runs beside its frames; left out, none has one.
    by_steps
        For each number of steps, the first run of each branch; none wider than those of groups.

    Raises
    ------
    ConfigurationError
        If a group has a kind twice, groups begin with different kinds, or two groups have kinds in
        different order.
    """
    kinds = _ordered_kinds(groups)
    position = {part: i for i, part in enumerate(parts)}
    width = max(len(run.parts) for group in groups for run in group)
    frames: dict[tuple[int, ...], int] = {}
    frame_of = np.full((len(groups), len(kinds)), -1, np.int64)
    counts = np.zeros((len(groups), len(kinds)), np.int64)
    starts = []

    def frame(run: Run) -> int:
        used = [position[part] for part in run.parts]
        key = (kinds.index(run.kind), *used, *[len(parts)] * (width - len(used)))
        return frames.setdefault(key, len(frames))

    for branch, group in enumerate(groups):
        start, own_starts = 0, [np.iinfo(np.int64).max] * len(kinds)
        for run in group:
            kind = kinds.index(run.kind)
            frame_of[branch, kind] = frame(run)
            counts[branch, kind], own_starts[kind] = run.count, start
            start += run.count
        starts.append(tuple(own_starts))
    first = [[frame(run) for run in runs] for runs in by_steps]
    frame_of[frame_of < 0] = len(frames)
    table = np.array(list(frames), np.int64).reshape(-1, width + 1)
    group_frames = counts.sum(axis=1)
    return CompiledSpace(
        parts=tuple(parts),
        kinds=kinds,
        frames=table[:, 1:],
        frame_kind=table[:, 0],
        frame_of=frame_of,
        share=counts / group_frames[:, None],
        group_frames=group_frames,
        longer=np.array(longer, np.int64) if len(longer) else np.zeros((0, 0), np.int64),
        beside=np.array(
            [position.get(part, len(parts)) if part else len(parts) for part in beside]
            or [len(parts)] * len(groups),
            np.int64,
        ),
        by_steps=np.array(first, np.int64) if first else frame_of[:, :1].T.copy(),
        _starts=tuple(starts),
    )


def _ordered_kinds(groups: Sequence[Sequence[Run]]) -> tuple[str, ...]:
    """All kinds, in an order that every group keeps."""
    followers: TopologicalSorter[str] = TopologicalSorter()
    for group in groups:
        own = [run.kind for run in group]
        if len(set(own)) < len(own):
            raise ConfigurationError(f"a group has frames {', '.join(own)}: a kind comes twice")
        followers.add(own[0])
        for before, after in pairwise(own):
            followers.add(after, before)
    if len(firsts := {group[0].kind for group in groups}) > 1:
        raise ConfigurationError(f"groups begin with {choices(sorted(firsts))}; all must alike")
    try:
        return tuple(followers.static_order())
    except CycleError as error:
        order = " before ".join(error.args[1])
        raise ConfigurationError(f"groups have frames in different order: {order}") from None
