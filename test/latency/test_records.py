import json

import numpy as np
import pytest

from approx_perception.exceptions import ConfigurationError
from approx_perception.files import read_columns
from approx_perception.latency.records import LATENCY_COLUMNS, ProfileRecords, contents_of
from approx_perception.structures import ContentFeatures
from approx_perception.testing.fakes import small_space


@pytest.fixture
def records():
    latency = {name: np.arange(3.0) for name in LATENCY_COLUMNS}
    return ProfileRecords({"space_hash": "abc"}, latency, {"ap50": np.ones((2, 4))})


def test_round_trip(records, tmp_path):
    records.save(tmp_path / "one.records.json")
    again = ProfileRecords.load(tmp_path / "one.records.json")
    assert again.metadata == records.metadata
    np.testing.assert_array_equal(again.latency["ms"], records.latency["ms"])
    np.testing.assert_array_equal(again.accuracy["ap50"], records.accuracy["ap50"])


def test_parts_that_were_counted_kind_by_kind(records, tmp_path):
    """Detections, starts and steps of trackers, and a switch, as format 1 has them."""
    space = small_space()
    columns = {name: np.zeros(5) for name in LATENCY_COLUMNS}
    columns["kind"] = np.array([0, 0, 1, 2, 3])
    columns["part"] = np.array([0, 1, 0, 0, 1])
    ProfileRecords({"space": space.to_dict()}, columns, {}).save(tmp_path / "one.json")
    again = ProfileRecords.load(tmp_path / "one.json")
    assert again.latency["part"].tolist() == [0, 1, 2, 3, 1]
    assert "kind" not in again.latency


def test_content_of_another_version_is_left_out():
    columns = {name: np.ones(2) for name in LATENCY_COLUMNS}
    columns |= {"object_count": np.array([2.0, 3.0]), "smell": np.array([1.0, 2.0])}
    contents, content_of = contents_of(columns)
    assert contents == [(ContentFeatures(object_count=n), (1, 1)) for n in (2, 3)]
    assert content_of.tolist() == [0, 1]


def test_missing(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nothing\.json"):
        ProfileRecords.load(tmp_path / "nothing.json")


def test_foreign_json(records, tmp_path):
    records.save(tmp_path / "one.json")
    (tmp_path / "one.json").write_text(json.dumps({"format": "diary"}))
    with pytest.raises(ConfigurationError, match="no records of approx-perception profile"):
        ProfileRecords.load(tmp_path / "one.json")


def test_columns_that_are_missing_are_named(records, tmp_path):
    del records.latency["before"]
    records.save(tmp_path / "one.json")
    with pytest.raises(ConfigurationError, match="before"):
        ProfileRecords.load(tmp_path / "one.json")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"not a zip"])
def test_corrupt_arrays(tmp_path, content):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="no readable arrays"):
        read_columns(path)


def test_objects_are_not_unpickled(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, column=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ConfigurationError, match="no readable arrays"):
        read_columns(path)


@pytest.mark.parametrize(
    "column", [np.zeros(7), np.zeros((3, 2)), np.array("text"), np.array(1.0)]
)  # fmt: skip
def test_columns_that_do_not_fit_together(column, tmp_path):
    latency = {name: np.zeros(3) for name in LATENCY_COLUMNS}
    ProfileRecords({}, latency, {}).save(tmp_path / "a.json")
    ProfileRecords.load(tmp_path / "a.json")
    ProfileRecords({}, {**latency, "ms": column}, {}).save(tmp_path / "a.json")
    with pytest.raises(ConfigurationError, match="columns do not fit together"):
        ProfileRecords.load(tmp_path / "a.json")
