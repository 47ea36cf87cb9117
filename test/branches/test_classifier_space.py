import json

import pytest

from approx_perception.branches import (
    ClassifierBranch,
    ClassifierSpace,
    read_branch,
    read_space,
    read_space_file,
)
from approx_perception.exceptions import ConfigurationError

SPACE = ClassifierSpace("three", [(80, 1), (224, 1), (224, 6)])


def test_text_form_is_read_back():
    assert [read_branch(str(branch)) for branch in SPACE] == list(SPACE)
    assert SPACE.parse("exit=1") == ClassifierBranch(224, 1)
    assert SPACE.parse("shape=80,exit=2") == ClassifierBranch(80, 2)
    assert SPACE.parse("") == SPACE.default_branch == ClassifierBranch(224, 6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exit=1", "branch 'exit=1' does not name shape"),
        ("shape=80,exit=0", "knob exit is 0"),
        ("shape=80,exit=last", "knob exit is 'last'"),
        ("exit=1,si=4", "cannot read 'si=4'.*'shape' or 'exit'"),
    ],
)
def test_what_is_wrong_with_a_branch_is_said(text, words):
    with pytest.raises(ConfigurationError, match=words):
        read_branch(text)


def test_every_frame_is_a_group_of_one_part_which_is_the_branch():
    compiled = SPACE.compiled
    assert compiled.kinds == ("classify",)
    assert compiled.group_frames.tolist() == [1, 1, 1]
    assert [compiled.parts_of(index, 0) for index in range(3)] == [(0,), (1,), (2,)]
    assert len(compiled.families) == 1
    assert len(compiled.owners) == 3


def test_a_file_gives_the_same_space_again(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("name: three\npairs: [{shape: 80, exit: [1]}, {shape: 224, exit: [1, 6]}]")
    assert read_space_file(path).hash == SPACE.hash
    assert read_space(json.loads(json.dumps(SPACE.to_dict())), "copy").hash == SPACE.hash
    assert list(SPACE.with_branch(SPACE[1])) == [SPACE[1]]
    assert SPACE.describe() == "shape 80 exit 1, shape 224 exit 1 6"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"pairs": []}, "needs pairs"),
        ({"pairs": {"shape": 80}}, "pairs is .*expected a list"),
        ({"pairs": [80]}, "80 must be a mapping"),
        ({"pairs": [{"shape": 80, "exit": 1}]}, "a list 'exit'"),
        ({"pairs": [{"shape": 80, "exit": [1, 1]}]}, "names shape=80,exit=1 twice"),
        ({"pairs": [{"shape": None, "exit": [1]}]}, "knob shape is None"),
        ({"pairs": [{"shape": 80, "exit": [True]}]}, "knob exit is True"),
        ({"pairs": [{"shape": 80, "exit": [1]}], "si": [1]}, "unknown key 'si'"),
        ([80], "must hold a space"),
    ],
)
def test_bad_spaces_are_refused_by_name(data, words):
    with pytest.raises(ConfigurationError, match=words) as refused:
        read_space(data, "mine.yaml")
    assert "mine.yaml" in str(refused.value)
