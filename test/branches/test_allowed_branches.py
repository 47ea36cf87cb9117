import numpy as np
import pytest

from approx_perception.branches import (
    BranchSpace,
    ClassifierSpace,
    TrackerSettings,
    allowed_branches,
)
from approx_perception.exceptions import ConfigurationError

SPACE = BranchSpace(
    "six", [160, 320], [20, 100], [1, 4],
    [TrackerSettings("median_flow", 1), TrackerSettings("dis_flow", 2)],
)  # fmt: skip


def left(**texts):
    mask = allowed_branches(SPACE, texts)
    return list(SPACE) if mask is None else [SPACE[i] for i in np.flatnonzero(mask)]


def test_empty_texts_allow_all():
    assert allowed_branches(SPACE, {"shape": "", "tracker": " , "}) is None
    assert allowed_branches(SPACE, {"shape": "160, 320"}) is None


def test_knobs_are_joined():
    assert {(b.shape, b.nprop) for b in left(shape="160", nprop="100")} == {(160, 100)}
    assert {b.si for b in left(si="4")} == {4}


def test_branches_without_a_tracker_pass_that_knob():
    assert {b.tracker for b in left(tracker="dis_flow")} == {None, "dis_flow"}
    assert {b.tracker for b in left(tracker="median_flow:1", si="4")} == {"median_flow"}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"shape": "161"}, "names '161', which the space 'six' does not have; choose '160'"),
        ({"tracker": "dis_flow:4"}, "'dis_flow:4'"),
        ({"si": "four"}, "'four'"),
    ],
)
def test_what_the_space_does_not_have_is_refused(texts, words):
    with pytest.raises(ConfigurationError) as error:
        allowed_branches(SPACE, texts)
    assert words in str(error.value)


def test_limits_that_leave_no_branch_are_refused():
    space = ClassifierSpace("three", [(80, 1), (224, 1), (224, 6)])
    with pytest.raises(ConfigurationError, match=r"has allowed.shape '80' and allowed.exit '6'"):
        allowed_branches(space, {"shape": "80", "exit": "6"})
