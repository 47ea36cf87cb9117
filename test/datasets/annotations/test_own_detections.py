"""What a run found, as ground truth of another."""

import numpy as np
import pytest

from approx_perception.branches import Branch
from approx_perception.datasets import open_source
from approx_perception.datasets.annotations import open_annotations
from approx_perception.exceptions import DatasetError
from approx_perception.reports.run_files import RunFiles
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    Frame,
    FrameResult,
    StageTimings,
)
from test.datasets.annotations.truth_files import (
    images,
    lefts,
    truths,
)


def test_what_a_run_found_is_truth(clip, tmp_path):
    """Frames from 1 in the order of the source; objects without an identity are read too."""
    names = ["traffic light", "a, b", 'say "x"', "two\nlines"]
    detections = Detections.from_arrays([[i, 2, i + 3, 6] for i in range(4)], [0.9, 0.5, 0.4, 0.8],
                                        [0, 1, 2, 3], [4, 7, -1, -1])  # fmt: skip
    with RunFiles(tmp_path, "detection", names, None) as files:
        for index in (0, 1):
            frame = Frame(np.zeros((8, 8, 3), np.uint8), index, "clip", index)
            found = detections if index else Detections.empty()
            decision = Decision(Branch(160), "detect", True, False, 1.0, 1.0, 0.5, "because")
            timings = StageTimings(processing_ms=1.0)
            files.add(frame, FrameResult(index, "clip", index, found, decision, SLA(50.0), timings))
    source, (first, second) = truths(clip, tmp_path / "detections.txt")
    assert len(first) == 0
    assert [source.class_names[i] for i in second.class_ids] == names
    assert second.ignored.tolist() == [False, False, True, False]
    assert second.track_ids.tolist() == [4, 7, -1, -1]
    assert "2 of its objects are from unidentified.txt beside it" in source.truth_remarks()
    assert (tmp_path / "detections.txt").read_text().count(",-1,") == 0
    np.testing.assert_allclose(second.boxes, detections.boxes)
    # A run over part of a source numbers that part.
    truth = str(tmp_path / "detections.txt")
    longer = images(tmp_path / "longer", "5.png", "6.png", "7.png", "8.png")
    part = open_source(f"{longer}[2:4]", ground_truth=truth)
    assert [len(entry.ground_truth) for entry in part] == [0, 4]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,-1,1,1,2,2,0.9", "line 2: 7 columns, expected frame,id,x,y,w,h,score,class_name"),
        ("0,-1,1,1,2,2,0.9,car", "line 2: .* a frame below 1"),
        ("1,-1,1,1,2,2,9,car", "line 2: .* a score beyond 0 to 1"),
        ("1,-1,1,1,nan,2,0.9,car", "line 2: .* no numbers"),
        ("one,-1,1,1,2,2,0.9,car", "line 2: .*'one'"),
    ],
)
def test_detections_that_are_malformed(tmp_path, line, message):
    (tmp_path / "detections.txt").write_text(f"1,-1,1,1,2,2,0.9,car\n{line}\n")
    with pytest.raises(DatasetError, match=message):
        open_annotations(tmp_path / "detections.txt")


@pytest.mark.parametrize("ending", ["txt", "csv"])
@pytest.mark.parametrize(
    ("of_run", "part", "expected", "said"),
    [
        ("clip", "[2:4]", [[3], [4]], ""),
        ("clip[1:4]", "[2:4]", [[2], [3]], "its run began with frame 1"),
        ("clip[1:4]", "", [[], [1], [2], [3]], "its run began with frame 1"),
        ("clip[2:]", "[2:4]", [[1], [2]], "its run began with frame 2"),
        ("other", "[2:4]", [[1], [2]], "no config.yaml beside it tells"),
        (None, "[2:4]", [[1], [2]], "no config.yaml beside it tells"),
        ("{", "", [[1], [2], [3], [4]], ""),
    ],
)
def test_detections_of_a_run_over_a_part(tmp_path, ending, of_run, part, expected, said):
    folder = images(tmp_path / "clip", *(f"{n}.png" for n in range(4)))
    text = "".join(f"{n},{n},{n},5,10,10,0.9,person\n" for n in range(1, 5))
    (tmp_path / f"found.{ending}").write_text(text)
    if of_run is not None:
        (tmp_path / "config.yaml").write_text(of_run if of_run == "{" else f"source: '{of_run}'\n")
    source = open_source(f"{folder}{part}", ground_truth=str(tmp_path / f"found.{ending}"))
    assert lefts(entry.ground_truth for entry in source) == expected
    about_runs = [text for text in source.truth_remarks() if "run" in text]
    assert len(about_runs) == bool(said)
    assert all(said in text for text in about_runs)


def test_detections_that_go_by_order_where_names_have_other_numbers(tmp_path):
    (tmp_path / "detections.txt").write_text("1,1,7,5,10,10,0.9,person\n")
    for name, numbers, is_said in (
        ("a", (1, 4, 7), True),
        ("b", (1, 2), False),
        ("c", (0,), False),
    ):
        folder = images(tmp_path / name, *(f"{n:03}.png" for n in numbers))
        source, _ = truths(folder, tmp_path / "detections.txt")
        assert any("order of the images" in text for text in source.truth_remarks()) is is_said
