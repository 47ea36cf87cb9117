import math
from pathlib import Path

import pytest

from approx_perception.assembly import load_space, space_names
from approx_perception.branches import (
    Branch,
    BranchSpace,
    TrackerSettings,
    parse_branch,
    read_branch,
    read_space,
    read_space_file,
)
from approx_perception.exceptions import ConfigurationError
from approx_perception.share import share_folder

MEDIAN_FLOW = TrackerSettings("median_flow", 2)


def test_equality_answers_did_we_switch():
    branch = Branch(320, 20, 4, "median_flow", 4)
    assert branch == Branch(320, 20, 4, "median_flow", 4)
    # The original system missed a switch of tracker at the same ds.
    assert branch != Branch(320, 20, 4, "kcf", 4)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"shape": 0}, "knob shape is 0"),
        ({"shape": 320, "nprop": 0}, "knob nprop is 0"),
        ({"shape": 320, "si": 2}, "tracker and ds belong to si above 1"),
        ({"shape": 320, "si": 1, "tracker": "kcf", "ds": 1}, "tracker and ds belong"),
        ({"shape": 320, "si": 2, "tracker": "sort", "ds": 1}, "no tracker 'sort'.*'median_flow'"),
        ({"shape": 32.5}, "knob shape is 32.5"),
        ({"shape": True}, "knob shape is True"),
    ],
)
def test_impossible_branches_are_refused(knobs, message):
    with pytest.raises(ConfigurationError, match=message):
        Branch(**knobs)


def test_parse_takes_defaults_for_what_is_not_named():
    default = Branch(448, 100)
    assert parse_branch("", default) == default
    assert parse_branch("shape=416,si=1", default) == Branch(416, 100)
    assert parse_branch("si=4", default) == Branch(448, 100, 4, "median_flow", 1)
    assert parse_branch("si=4,tracker=kcf,ds=2", default) == Branch(448, 100, 4, "kcf", 2)
    assert parse_branch("si=1", Branch(448, 5, 4, "kcf", 2)) == Branch(448, 5)


def test_text_form_is_read_back():
    for branch in load_space("approxdet", ""):
        assert read_branch(str(branch)) == branch


@pytest.mark.parametrize("text", ["shape", "shape=big", "speed=3", "shape=-3", "si=1,ds=2"])
def test_unreadable_branches_are_refused(text):
    with pytest.raises(ConfigurationError):
        parse_branch(text, Branch(320))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("si=4,si=1", "branch 'si=4,si=1' names si twice"),
        ("tracker=kcf,si=4, tracker =kcf", "names tracker twice"),
        (f"si={'1' * 5000}", "knob si is '111.*; it must be a whole number from 1 to 1000"),
        (f"shape={'9' * 4300}", "it must be a whole number from 32 to 4096"),
        ("nprop=1001", "knob nprop is 1001; it must be a whole number from 1 to 1000"),
    ],
)
def test_what_is_wrong_with_a_branch_is_said(text, words):
    with pytest.raises(ConfigurationError, match=words) as refused:
        parse_branch(text, Branch(320))
    assert len(str(refused.value)) < 600


def test_the_papers_space():
    space = load_space("approxdet", "")
    knobs = (space.shapes, space.nprops, space.sampling_intervals, space.trackers)
    assert math.prod(map(len, knobs)) == 1176
    assert len(space) == 1036
    assert len(set(space)) == 1036


def test_order_and_hash_are_stable():
    space = BranchSpace("one", [160, 320], [5], [1, 2], [MEDIAN_FLOW])
    assert [str(branch) for branch in space] == [
        "shape=160,nprop=5,si=1",
        "shape=160,nprop=5,si=2,tracker=median_flow,ds=2",
        "shape=320,nprop=5,si=1",
        "shape=320,nprop=5,si=2,tracker=median_flow,ds=2",
    ]
    same = BranchSpace("other name", [160, 320], [5], [1, 2], [MEDIAN_FLOW])
    assert space.hash == same.hash
    assert space.hash != BranchSpace("one", [160], [5], [1, 2], [MEDIAN_FLOW]).hash
    assert [space.index(branch) for branch in space] == [0, 1, 2, 3]
    with pytest.raises(ConfigurationError, match="shape=64,si=1 is not in space 'one'"):
        space.index(Branch(64))


def test_a_space_is_a_table_of_settings_and_cadences():
    trackers = [TrackerSettings("median_flow", 2), TrackerSettings("dis_flow", 2)]
    space = BranchSpace("table", [160, 320], [5, 20], [4, 1], trackers)
    assert space.cadences == [*((4, tracker) for tracker in trackers), (1, None)]
    pairs = [
        (settings, cadence) for settings in space.detector_settings for cadence in space.cadences
    ]
    assert [(b.detector_settings, (b.si, b.tracker_settings)) for b in space] == pairs


def test_shipped_spaces_load():
    assert {"approxdet", "faster_rcnn", "onnx"} <= set(space_names())
    for name in space_names():
        space = read_space_file(share_folder("config") / "spaces" / f"{name}.yaml")
        assert read_space(space.to_dict(), "copy").hash == space.hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shape: [320]\nsi: [1, 2]\ntrackers: [{name: sort}]", "no tracker 'sort'"),
        ("shape: [320]\nsi: [2]", "si above 1 but no trackers"),
        ("shape: [320, 320]\nsi: [1]", "a value of shape twice"),
        ("shape: []\nsi: [1]", "needs values"),
        ("shape: [wide]\nsi: [1]", "knob shape is 'wide'"),
        ("shape: 320\nsi: [1]", "expected a list"),
        ("shapes: [320]\nsi: [1]", "unknown key 'shapes'.*'shape'"),
        ("- 320", "must hold a space: shape, nprop"),
        ("shape: [320", "no YAML"),
        ("shape: [320]\nsi: [2]\ntrackers: [kcf]", "tracker 'kcf' must be a mapping"),
    ],
)
def test_bad_space_files_are_refused_by_name(tmp_path: Path, text, message):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as error:
        load_space(str(path), "onnx")
    assert "space.yaml" in str(error.value)


def test_missing_space_names_the_shipped_ones():
    with pytest.raises(ConfigurationError, match=r"no branch space 'nowhere'.*'approxdet'"):
        load_space("nowhere", "onnx")
