"""Which truth belongs to which frame, in files of every kind."""

import json

import pytest

from approx_perception.datasets import open_source
from approx_perception.datasets.annotations import open_annotations
from approx_perception.exceptions import DatasetError
from test.datasets.annotations.truth_files import (
    XML,
    coco_of,
    lefts,
    mot_line,
    truths,
    write_coco,
)


def test_files_that_are_no_ground_truth(tmp_path):
    with pytest.raises(DatasetError, match="there is no ground truth"):
        open_annotations(tmp_path / "nowhere.json")
    (tmp_path / "truth.docx").write_text("")
    with pytest.raises(DatasetError, match=r"give a COCO \.json, a MOTChallenge \.txt"):
        open_annotations(tmp_path / "truth.docx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no XML files of Pascal VOC or"):
        open_annotations(tmp_path / "empty")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(clip, tmp_path, encoding):
    (tmp_path / "gt.txt").write_text(mot_line(1, 3), encoding=encoding)
    assert lefts(truths(clip, tmp_path / "gt.txt")[1])[0] == [3]
    path = write_coco(tmp_path)
    path.write_text(path.read_text(), encoding=encoding)
    assert lefts(truths(clip, path)[1])[0] == [1]
    (tmp_path / "detections.txt").write_text("1,-1,3,4,5,6,0.9,persøn\n", encoding=encoding)
    assert truths(clip, tmp_path / "detections.txt")[0].class_names == ("persøn",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gt.txt", "", "holds no object; give another ground truth"),
        (
            "gt.txt",
            mot_line(9, 3),
            "none of the 1 objects of .* is in a frame of clip: it has 2 frames",
        ),
        ("detections.txt", "", "holds no object"),
        ("truth.json", json.dumps(coco_of((7, "other.png"))), "2 images have no entry, as 'a.png'"),
    ],
)
def test_truth_of_which_nothing_is_used_is_refused(clip, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        truths(clip, tmp_path / name)


def test_order_is_said_where_it_decides(clip, video, tmp_path):
    content = coco_of((1, ""), (2, ""))
    (tmp_path / "truth.json").write_text(json.dumps(content))
    folder = tmp_path / "xml"
    folder.mkdir()
    (folder / "x.xml").write_text(XML)
    for source, truth in ((clip, "truth.json"), (video, "truth.json"), (video, "xml")):
        (remark,) = truths(source, tmp_path / truth)[0].truth_remarks()
        assert "taken in their order" in remark


@pytest.mark.parametrize(
    ("numbers", "is_said"), [((1, 2, 3), True), ((1, 4), False), ((0, 3), False), ((2, 3), True)]
)
def test_which_counting_was_taken_is_said_where_both_fit(tmp_path, numbers, is_said):
    entries = [(number, f"{number:06}.png") for number in numbers]
    (tmp_path / "truth.json").write_text(json.dumps(coco_of(*entries)))
    folder = tmp_path / "xml"
    folder.mkdir()
    for number in numbers:
        (folder / f"{number:06}.xml").write_text(XML)
    for truth in (tmp_path / "truth.json", folder):
        source = open_source("synthetic:calm", frame_count=4, ground_truth=str(truth))
        remarks = source.truth_remarks()
        assert any("counted from 1" in remark for remark in remarks) is is_said
