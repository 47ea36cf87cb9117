import json
import tracemalloc

import numpy as np
import pytest

from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.metrics.record_files import read_record, write_record
from test.metrics.records import NOTHING, Row, add_row, found, record, recorder_of, truth

BOX = [0, 0, 10, 10]


@pytest.fixture
def rows():
    return [
        Row(found([BOX], ids=[7]), truth([BOX, [50, 50, 60, 60]], ignored=[False, True])),
        Row(dropped=True, truth=truth([BOX])),
        Row(NOTHING, None, ms=30.0, detected=False),
    ]


def test_what_went_in_comes_out(rows, tmp_path):
    write_record(tmp_path, record(rows))
    loaded = read_record(tmp_path)
    assert len(loaded) == 3
    assert loaded.output(0).track_ids.tolist() == [7]
    assert loaded.ground_truth(0).ignored.tolist() == [False, True]
    assert len(loaded.ground_truth(1)) == 1
    assert loaded.ground_truth(2) is None
    assert loaded.processed("processing_ms").tolist() == [10.0, 30.0]
    assert [frame for frame, _, _ in loaded.scored()] == [0]
    assert loaded.metadata["branches"] == ["shape=160,si=1"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_records(count, tmp_path):
    write_record(tmp_path, record([Row(found([BOX]), truth([BOX]))] * count))
    loaded = read_record(tmp_path)
    assert len(loaded) == count
    assert len(list(loaded.scored())) == count


def test_more_frames_than_are_read_at_once(tmp_path):
    made = record([Row(found([BOX] * (i % 3)), truth([BOX])) for i in range(1100)])
    assert [len(made.output(i)) for i in (0, 1, 2, 511, 512, 1099)] == [0, 1, 2, 1, 2, 1]
    assert made.frames["sequence"].tolist() == list(range(1100))


def test_memory_does_not_grow_while_a_run_is_recorded():
    # A hundred objects a frame: 8 KB each, were they held.
    crowd = Row(found([BOX] * 100), truth([BOX] * 100))
    recorder = recorder_of([])

    def peak_kb(frame_count):
        tracemalloc.start()
        for index in range(frame_count):
            add_row(recorder, index, crowd)
        peak = tracemalloc.get_traced_memory()[1] / 1e3
        tracemalloc.stop()
        return peak

    peak_kb(10)
    assert peak_kb(400) < peak_kb(20) + 50


def test_files_that_are_not_whole(rows, tmp_path):
    with pytest.raises(ApproxPerceptionError, match="cannot read the record of a run"):
        read_record(tmp_path)
    write_record(tmp_path, record(rows))
    (tmp_path / "record.npz").write_bytes(b"PK nonsense")
    with pytest.raises(ApproxPerceptionError, match="holds no readable arrays"):
        read_record(tmp_path)
    np.savez(tmp_path / "record.npz", a=np.zeros(1))
    with pytest.raises(ApproxPerceptionError, match=r"lacks frames\."):
        read_record(tmp_path)
    (tmp_path / "record.json").write_text(json.dumps({"format": "another"}))
    with pytest.raises(ApproxPerceptionError, match="no record of a run of this version"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"frames.sla_ms": np.zeros(1)},
        {"frames.sequence": np.zeros((3, 2), np.int64)},
        {"frames.sequence": np.array(3)},
        {"found.boxes": np.zeros((2, 4), np.float32)},
        {"truth.class_ids": np.array(["car"])},
        {"found_ends": np.zeros(1, np.int64)},
        {"truth_ends": np.array([2**40, 2**40, 2**40])},
        {"truth_ends": np.array([-1, -2, 0])},
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_together(rows, damage, tmp_path):
    write_record(tmp_path, record(rows))
    with np.load(tmp_path / "record.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "record.npz", **{**arrays, **damage})
    with pytest.raises(ApproxPerceptionError, match="columns do not fit together"):
        read_record(tmp_path)
