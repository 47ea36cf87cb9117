"""Ground truth of MOTChallenge."""

import pytest

from approx_perception.datasets import open_source
from approx_perception.datasets.annotations import AnnotatedSource, open_annotations
from approx_perception.exceptions import ConfigurationError, DatasetError
from test.datasets.annotations.truth_files import (
    images,
    lefts,
    mot_line,
    truths,
    write_coco,
)


def test_mot_beside_any_source(clip, tmp_path):
    (tmp_path / "gt.txt").write_text("1,4,10,20,30,40\n2,4,11,20,30,40,0,1,1\n2,5,1,1,2,2,1,7,1\n")
    source, (first, second) = truths(clip, tmp_path / "gt.txt")
    assert source.class_names == ("person",)
    assert first.ignored.tolist() == [False]
    # Flag 0, and a class that is no pedestrian.
    assert second.ignored.tolist() == [True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,4,10,20,30,40\n1,4,x,20,30,40\n", "line 2: 'x' is no number; .*: frame,id,x"),
        ("frame,id,x,y,w,h\n1,4,10,20,30,40\n", "line 1: 'frame' is no number; .*: frame,id,x"),
        ("1 4 10 20 30 40\n", "line 1: '1 4 10 20 30 40' is no number; .* with commas between"),
        ("1;4;10;20;30;40\n", "line 1: '1;4;10;20;30;40' is no number; .* with commas between"),
        ("1,4,10\n", "line 1: 3 columns, expected frame,id,x,y,w,h"),
        ("0,4,10,20,30,40\n", "line 1: .* a frame below 1"),
        ("1,4,nan,20,30,40\n", "line 1: .* not finite"),
    ],
)
def test_mot_lines_that_are_malformed(tmp_path, text, message):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(DatasetError, match=message):
        open_annotations(tmp_path / "gt.txt")


@pytest.mark.parametrize(
    "behind",
    [
        "",
        ",1",
        ",1,1",
        ",1,1,0.5",
        ",1,-1,-1",
        ",1,-1,-1,-1",
        ",1,-4.5,-3.25,0",
        ",0.9,2.0,3.0,1.0",
    ],
)
def test_each_form_of_mot_counts_its_objects(clip, tmp_path, behind):
    (tmp_path / "gt.txt").write_text(mot_line(1, 3, behind) + mot_line(2, 4, behind))
    source, truth = truths(clip, tmp_path / "gt.txt")
    assert lefts(truth) == [[3], [4]]
    assert source.class_names == ("person",)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["000001.png", "000004.png", "000007.png"], [[10], [40], [70]]),
        (["frame9.png", "frame10.png", "frame8.png"], [[80], [90], []]),
        (["clip3_000002_left.png", "clip3_000003_left.png"], [[20], [30]]),
        # Counted from 0, as the first one tells.
        (["000000.png", "000001.png"], [[10], [20]]),
        (["0004.png", "cover.png", "0005.png"], [[40], [50], None]),
        (["a.png", "b.png"], [[10], [20]]),
    ],
)
def test_mot_belongs_to_frames_by_the_number_in_their_names(tmp_path, names, expected):
    text = "".join(mot_line(number, 10 * number) for number in range(1, 10))
    folder = images(tmp_path / "seq" / "img1", *names)
    (tmp_path / "gt.txt").write_text(text)
    assert lefts(truths(folder, tmp_path / "gt.txt")[1]) == expected
    (tmp_path / "seq" / "gt").mkdir()
    (tmp_path / "seq" / "gt" / "gt.txt").write_text(text)
    assert lefts(e.ground_truth for e in open_source(str(tmp_path / "seq"))) == expected


def test_classes_of_mot_by_number(clip, tmp_path):
    text = mot_line(1, 1, ",1,1,1") + mot_line(1, 2, ",1,3,1") + mot_line(2, 3, ",1,7,1")
    (tmp_path / "gt.txt").write_text(text + mot_line(2, 4, ",1,6,1"))
    path = str(tmp_path / "gt.txt")
    source = open_source(str(clip), ground_truth=path)
    assert "(1 of class 3, 1 of class 6, 1 of class 7)" in source.truth_remarks()[-1]
    assert "'3: car'" in source.truth_remarks()[-1]
    numbers = {1: "person", 3: "car", 7: "person", 6: None}
    source = open_source(str(clip), ground_truth=path, class_numbers=numbers)
    first, second = [entry.ground_truth for entry in source]
    assert source.class_names == ("person", "car")
    assert first.class_ids.tolist() == [0, 1]
    assert second.ignored.tolist() == [False, True]
    assert "class" not in " ".join(source.truth_remarks())


def test_identities_beyond_what_columns_hold(clip, tmp_path):
    (tmp_path / "gt.txt").write_text(f"1,{'9' * 30},1,1,2,2\n1,5,1,1,2,2\n2,{'9' * 30},1,1,2,2\n")
    first, second = truths(clip, tmp_path / "gt.txt")[1]
    assert first.track_ids[0] == second.track_ids[0] != 5 == first.track_ids[1]


def test_numbers_of_classes_are_for_mot_files(clip, tmp_path):
    with pytest.raises(ConfigurationError, match="names the number 3, but the classes of"):
        open_source(str(clip), ground_truth=str(write_coco(tmp_path)), class_numbers={3: "car"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1.5,1,1,2,2\n", "the id is 1.5, expected a whole number"),
        ("1.5,1,1,1,2,2\n", "the frame is 1.5, expected a whole number up to"),
        ("1,1,1,1,2,2,1,2.5\n", "the class is 2.5, expected a whole number up to"),
        ("1,1,9,1,-2,2\n", "has a negative side"),
    ],
)
def test_mot_values_that_mean_nothing(tmp_path, text, message):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(DatasetError, match=rf"line 1: .*{message}"):
        open_annotations(tmp_path / "gt.txt")


@pytest.mark.parametrize(
    "text",
    [
        f"1,1,{'x' * 5_000_000},1,2,2\n",
        f"1,1,{'9' * 5000}x,1,2,2\n",
        "1e300,1,1,1,2,2\n",
        "1,1,1,1,2,2,1,1e300\n",
        f"{'9' * 300},1,1,1,2,2,0.5,car\n",
        f"1,1,{'x' * 5000},1,2,2,0.5,car\n",
    ],
    ids=range(6),
)
def test_values_of_text_files_are_cut_in_errors(tmp_path, text):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(DatasetError, match=r"gt\.txt, line 1: ") as caught:
        open_annotations(tmp_path / "gt.txt")
    assert len(str(caught.value)) < len(str(tmp_path)) + 320


VISDRONE = "1,1,10,5,9,9,1,4,0,0\n2,2,20,5,9,9,1,9,1,2\n"


@pytest.mark.parametrize(
    ("text", "classes", "expected", "said"),
    [
        (VISDRONE, {4: "person", 9: "bus"}, [[10], [20]], "the class map names it"),
        (VISDRONE, {4: "person"}, [[10], []], "the class map names it"),
        (VISDRONE, None, [[], []], "whole numbers that differ"),
        (VISDRONE.replace(",9,1,2", ",4,1,2"), {4: "car"}, [[10], [20]], "class map names it"),
        (VISDRONE.replace(",9,1,2", ",4,1,2"), None, [[10], [20]], "world coordinates"),
        (VISDRONE.replace(",0,0", ",0.5,0"), {4: "car"}, [[], []], "world coordinates"),
        ("1,1,10,5,9,9,1,-4,30,0\n2,1,20,5,9,9,1,12,7,0\n", None, [[10], [20]], "world"),
        ("1,1,10,5,9,9,1,-1, -1, -1\n2,1,20,5,9,9,1, -1,-1,-1.0\n", None, [[10], [20]], ""),
    ],
)
def test_ten_columns_of_mot_with_a_class_or_a_place(clip, tmp_path, text, classes, expected, said):
    (tmp_path / "gt.txt").write_text(text)
    annotations = open_annotations(tmp_path / "gt.txt", classes=classes)
    source = AnnotatedSource(open_source(str(clip)), annotations)
    assert lefts(entry.ground_truth for entry in source) == expected
    about = [remark for remark in source.truth_remarks() if "of its ten columns" in remark]
    assert len(about) == bool(said)
    assert all(said in remark for remark in about)


@pytest.mark.parametrize(
    "names",
    [
        ["f001_1040ms.png", "f002_1080ms.png", "f004_1160ms.png"],
        ["1040_001.png", "1080_002.png", "1160_004.png"],
        ["a1_b1700000000.5_c9.png", "a2_b1700000000.6_c9.png", "a4_b1700000001.9_c9.png"],
    ],
)
def test_of_two_running_numbers_in_names_the_slower_one_counts(tmp_path, names):
    (tmp_path / "gt.txt").write_text("".join(mot_line(n, n) for n in (1, 2, 4)))
    _, truth = truths(images(tmp_path / "clip", *names), tmp_path / "gt.txt")
    assert lefts(truth) == [[1], [2], [4]]
