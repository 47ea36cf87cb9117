"""What a space compiles to: the scheduler knows nothing else of it."""

import numpy as np
import pytest

from approx_perception.branches import (
    Branch,
    BranchSpace,
    ClassifierSpace,
    Part,
    Run,
    TrackerSettings,
    compile_space,
)
from approx_perception.branches.compiled import MOST_STEPS
from approx_perception.exceptions import ConfigurationError
from approx_perception.testing.fakes import small_space

TRACKERS = [TrackerSettings("kcf", 2), TrackerSettings("dis_flow")]
SPACES = [
    BranchSpace("all", [224, 416], [5, 20], [1, 2, 4], TRACKERS),
    BranchSpace("no proposals", [224, 416], [], [1, 8], TRACKERS[:1]),
    BranchSpace("detects always", [224], [], [1], []),
    BranchSpace("tracks always", [224], [5], [3], TRACKERS),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_branch_is_a_cadence_of_parts(space):
    compiled, settings, trackers = space.compiled, space.detector_settings, space.trackers
    assert len(compiled.parts) == len(settings) + 2 * len(trackers)
    assert np.allclose(compiled.share.sum(axis=1), 1)
    for index, branch in enumerate(space):
        assert compiled.group_frames[index] == branch.si
        setting = settings.index(branch.detector_settings)
        first = (setting,)
        if branch.tracker_settings is not None:
            start = len(settings) + trackers.index(branch.tracker_settings)
            first = (setting, start)
            assert compiled.parts_of(index, 1) == (start + len(trackers),)
            assert compiled.share[index, 1] == pytest.approx(1 - 1 / branch.si)
        assert compiled.parts_of(index, 0) == first
        kinds = [compiled.kinds[compiled.kind_at(index, i)] for i in range(branch.si)]
        assert kinds == ["detect"] + ["track"] * (branch.si - 1)
        assert [p for p in range(len(compiled.parts)) if compiled.uses[index, 0, p]] == list(first)


def test_branches_share_frames():
    compiled = SPACES[0].compiled
    # Four settings with no tracker and two, and two steps.
    assert len(compiled.frames) == 4 * 3 + 2
    assert (compiled.frames[:, 0] < len(compiled.parts)).all()


def test_a_group_that_is_longer_than_its_branch_goes_on_as_it_ended():
    space = SPACES[0]
    index = space.index(Branch(224, 5, 2, "kcf", 2))
    assert space.compiled.kind_at(index, 7) == space.compiled.kinds.index("track")


def test_owners_are_what_fails_as_one():
    compiled = SPACES[1].compiled
    assert compiled.owners == (
        "detector setting shape=224", "detector setting shape=416", "tracker kcf:2"
    )  # fmt: skip
    tracks = SPACES[1].index(Branch(224, None, 8, "kcf", 2))
    assert compiled.owned[tracks].tolist() == [True, False, True]
    assert compiled.owned[SPACES[1].index(Branch(416))].tolist() == [False, True, False]


def test_another_kernel_has_one_kind_of_frame():
    exits = [Part(f"exit {i}", "exit", f"exit {i}") for i in range(3)]
    compiled = compile_space(exits, [[Run("classify", (part,))] for part in exits])
    assert compiled.kinds == ("classify",)
    assert compiled.share.tolist() == [[1.0], [1.0], [1.0]]
    assert compiled.frame_of.ravel().tolist() == [0, 1, 2]
    assert compiled.group_frames.tolist() == [1, 1, 1]
    assert compiled.longer.size == 0
    assert [compiled.kind_at(1, i) for i in range(3)] == [0, 0, 0]
    assert compiled.families == ("exit",)


def test_three_kinds_of_frame():
    a, b, c = (Part(name, name, name) for name in "abc")
    compiled = compile_space([a, b, c], [[Run("x", (a, b)), Run("y", (c,), 2), Run("z", (b,), 3)]])
    assert [compiled.kind_at(0, i) for i in range(8)] == [0, 1, 1, 2, 2, 2, 2, 2]
    assert compiled.share.tolist() == [[1 / 6, 2 / 6, 3 / 6]]
    assert compiled.uses[0].tolist() == [
        [True, True, False],
        [False, False, True],
        [False, True, False],
    ]


def test_kinds_are_in_an_order_that_every_group_keeps():
    a, b, c = (Part(name, name, name) for name in "abc")
    short, long = (
        [Run("a", (a,)), Run("c", (c,))],
        [Run("a", (a,)), Run("b", (b,)), Run("c", (c,), 3)],
    )
    for groups in ([short, long], [long, short]):
        compiled = compile_space([a, b, c], groups)
        assert compiled.kinds == ("a", "b", "c")
        index = groups.index(long)
        assert [compiled.kind_at(index, i) for i in range(5)] == [0, 1, 2, 2, 2]
        assert [compiled.kind_at(1 - index, i) for i in range(3)] == [0, 2, 2]


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (["abc", "acb"], "different order"),
        (["ab", "ba"], "begin with"),
        (["aba"], "a kind comes twice"),
    ],
)
def test_groups_that_are_no_cadence_are_refused(groups, words):
    parts = {name: Part(name, name, name) for name in "abc"}
    runs = [[Run(name, (parts[name],)) for name in group] for group in groups]
    with pytest.raises(ConfigurationError, match=words):
        compile_space(list(parts.values()), runs)


def test_beside_what_begins_a_group_runs_beside_its_frames():
    space = small_space()
    beside = space.beside
    compiled, names = beside.compiled, [part.name for part in beside.compiled.parts]
    assert (list(beside), beside.hash) == (list(space), space.hash)
    assert names == [part.name for part in space.compiled.parts]
    # si 1 has nothing that could carry its frames.
    assert compiled.possible.tolist() == [False, True, False, True]
    assert compiled.beside.tolist() == [4, 0, 4, 1]
    assert compiled.parts_of(1, 0) == (2, *[3] * MOST_STEPS)
    assert compiled.parts_of(1, 1) == (3,)
    assert compiled.owned[1].tolist() == [True, False, True]
    assert space.compiled.possible.all()
    assert (space.compiled.beside == 4).all()


def test_without_trackers_nothing_runs_beside():
    assert BranchSpace("every frame", [160], [], [1], []).beside is None
    assert ClassifierSpace("all", [(96, 1)]).beside is None
