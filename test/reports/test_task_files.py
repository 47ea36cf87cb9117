"""What a run of classification leaves: files, pictures, page."""

import csv

import numpy as np
import pytest

from approx_perception.branches import ClassifierBranch
from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.evaluation.result import result_of
from approx_perception.reports.exports import ResultFiles
from approx_perception.reports.page import build_page
from approx_perception.reports.paper_figures import draw_paper_figures
from approx_perception.reports.pictures import worst_pictures
from approx_perception.reports.run_files import RunFiles
from approx_perception.structures import (
    SLA,
    Classification,
    Decision,
    Frame,
    FrameResult,
    ImageComplexity,
    StageTimings,
)
from test.metrics.records import IMAGE, Row, classes, record, truth

NAMES = ("car", "bus, red", "cat")
BOX = [0, 0, 90, 90]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def result_at(index, output):
    decision = Decision(ClassifierBranch(96, 2), "classify", True, False, 1.0, 2.0, 0.5, "because")
    timings = StageTimings(processing_ms=1.5, stages={"classify": 1.25})
    return FrameResult(7 + index, "clip", index, output, decision, SLA(50.0), timings,
                       content=ImageComplexity(category=4))  # fmt: skip


def test_files_of_a_run(tmp_path):
    two = Classification(
        np.array([[1, 0], [2, 1]]), np.array([[0.75, 0.25], [0.5, 0.25]], np.float32),
        np.array([BOX, [10, 20, 30, 50]], np.float32), np.array([-1, 8]),
    )  # fmt: skip
    with RunFiles(tmp_path, "classification", NAMES, 10.0) as files:
        for index, output in enumerate([two, Classification.empty(), classes(0)]):
            frame = Frame(IMAGE, 7 + index, "clip", index)
            files.add(frame, result_at(index, output))
        files.add(Frame(IMAGE, 10, "clip", 3), None)
    given = rows_of(tmp_path / "classes.csv")
    assert [(own["frame"], own["region"], own["rank"], own["class"]) for own in given] == [
        ("1", "1", "1", "bus, red"), ("1", "1", "2", "car"), ("1", "2", "1", "cat"),
        ("1", "2", "2", "bus, red"), ("3", "1", "1", "car"),
    ]  # fmt: skip
    last = given[3]
    assert (last["stamp_ns"], last["score"], last["track_id"]) == ("7", "0.25000", "8")
    assert [last[side] for side in "xywh"] == ["10.00", "20.00", "20.00", "30.00"]
    frames = rows_of(tmp_path / "frames.csv")
    assert [own["regions"] for own in frames] == ["2", "0", "1"]
    assert {(own["source"], own["complexity"], own["classify_ms"]) for own in frames} == {
        ("classified", "4", "1.250")
    }
    assert (tmp_path / "annotated.mp4").stat().st_size


@pytest.fixture
def own():
    wrong = Row(classes(1, 0, scores=[0.9, 0.1]), truth([BOX]), ms=30.0)
    unknown = Row(classes(2), truth([BOX], classes=[1]))
    rows = [wrong, Row(classes(0), truth([BOX]), ms=90.0), unknown, Row(classes(0), truth([]))]
    return record(
        rows, ("car", "bus, red", "lorry"), truth_names=("car", "bus, red"), task="classification"
    )


class Black(FrameSource):
    name, fps, class_names = "black", 10.0, NAMES

    def __iter__(self):
        return (LabelledFrame(Frame(IMAGE, i, "black", i), None) for i in range(4))


def test_frames_that_are_worth_a_look(own):
    texts = [picture.text for picture in worst_pictures(own, Black(), 4)]
    assert [text.partition(" (")[0] for text in texts] == [
        "frame 1: bus, red is car",
        "frame 2: 90 ms at an SLA of 50 ms",
        "frame 3: a class that the truth does not know is bus, red",
    ]


def test_exports_of_a_record(own, tmp_path):
    with ResultFiles(tmp_path) as files:
        assert files.listeners("ours", "classification", NAMES) == []
        files.finish(tmp_path, own)
    assert [path.name for path in tmp_path.iterdir()] == ["classes.csv"]
    assert [row["class"] for row in rows_of(tmp_path / "classes.csv")] == [
        "bus, red", "car", "car", "", "car"
    ]  # fmt: skip


def test_the_page_and_pictures_name_the_measure(own, tmp_path):
    result = result_of({"ours": [own]}, [], [])
    page = build_page("classes", result, {"ours": [own]}, [], "none asked for")
    for words in ("top-1 0.333", "top1", "classified frame", "classify"):
        assert words in page
    for words in ("AP50", "ap50", "tracked frame", "hota"):
        assert words not in page.replace("expected_ap50", "")
    figures = {"ours": result["systems"]["ours"]["figures"]}
    written = draw_paper_figures(tmp_path, figures, {"ours": [own]})
    assert all(path.stat().st_size for path in written)
