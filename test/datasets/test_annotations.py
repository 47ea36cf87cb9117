"""Ground truth in files of other people, beside any source."""

import json

import cv2
import numpy as np
import pytest

from approx_perception.datasets import open_source
from approx_perception.datasets.annotations import open_annotations
from approx_perception.exceptions import DatasetError

COCO = {
    "videos": [{"id": 5, "name": "clip"}, {"id": 6, "name": "other"}],
    "images": [
        {"id": 30, "file_name": "clip/b.png", "video_id": 5, "frame_id": 1},
        {"id": 20, "file_name": "clip/a.png", "video_id": 5, "frame_id": 0},
        {"id": 10, "file_name": "other/a.png", "video_id": 6, "frame_id": 0},
    ],
    "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
    "annotations": [
        {"id": 1, "image_id": 20, "category_id": 1, "bbox": [1, 2, 10, 20], "track_id": 7},
        {"id": 2, "image_id": 20, "category_id": 3, "bbox": [5, 5, 9, 9], "iscrowd": 1},
        {"id": 3, "image_id": 30, "category_id": 3, "bbox": [4, 4, 8, 8], "instance_id": 9},
        {"id": 4, "image_id": 30, "category_id": 3, "bbox": [6, 6, 8, 8], "ignore": 1},
        {"id": 5, "image_id": 10, "category_id": 1, "bbox": [0, 0, 5, 5]},
    ],
}
XML = """<annotation><size><width>64</width><height>48</height></size>
<object><trackid>0</trackid><name>n02958343</name><occluded>0</occluded>
<bndbox><xmax>30</xmax><xmin>10</xmin><ymax>40</ymax><ymin>20</ymin></bndbox></object>
<object><trackid>4</trackid><name>dog</name>
<bndbox><xmax>5</xmax><xmin>1</xmin><ymax>6</ymax><ymin>2</ymin></bndbox></object></annotation>"""


@pytest.fixture
def clip(tmp_path):
    """Folder of two images."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.zeros((48, 64, 3), np.uint8))
    return folder


def write_coco(tmp_path, **changes):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({**COCO, **changes}))
    return path


def truths(source, ground_truth):
    opened = open_source(str(source), ground_truth=str(ground_truth))
    return opened, [entry.ground_truth for entry in opened]


def test_coco_belongs_to_frames_by_file_name(clip, tmp_path):
    source, (first, second) = truths(clip, write_coco(tmp_path))
    assert source.class_names == ("car", "person")
    assert first.boxes.tolist() == [[1, 2, 11, 22], [5, 5, 14, 14]]
    assert first.class_ids.tolist() == [1, 0]
    assert first.track_ids.tolist() == [7, -1]
    assert first.ignored.tolist() == [False, True]
    assert second.track_ids.tolist() == [9, -1]
    assert second.ignored.tolist() == [False, True]


def test_coco_without_file_names_goes_by_order(clip, tmp_path):
    images = [{"id": 2}, {"id": 1}]
    annotations = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]
    path = write_coco(tmp_path, videos=[], images=images, annotations=annotations)
    _, (first, second) = truths(clip, path)
    assert (len(first), len(second)) == (1, 0)


def test_coco_of_several_videos_needs_the_source_to_be_one(clip, tmp_path):
    other = clip.rename(tmp_path / "third")
    with pytest.raises(DatasetError, match="holds the videos clip, other, but not 'third'"):
        truths(other, write_coco(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "no COCO file: it has no list 'images'"),
        ({"categories": [{"id": 1}]}, r"categories\[0\] has no 'name'"),
        ({"images": [{"file_name": "a"}]}, r"images\[0\] has no 'id'"),
        ({"annotations": [{"image_id": 20}]}, r"annotations\[0\] has no 'category_id'"),
        (
            {"annotations": [{"image_id": 99, "category_id": 1, "bbox": [0, 0, 1, 1]}]},
            r"annotations\[0\]: there is no image 99",
        ),
        (
            {"annotations": [{"image_id": 20, "category_id": 8, "bbox": [0, 0, 1, 1]}]},
            r"annotations\[0\]: there is no category 8",
        ),
        (
            {"annotations": [{"image_id": 20, "category_id": 1, "bbox": [0, 0, "wide"]}]},
            r"bbox is \[0, 0, 'wide'\], expected x, y, width and height",
        ),
    ],
)
def test_coco_files_that_are_malformed(clip, tmp_path, changes, message):
    with pytest.raises(DatasetError, match=message) as error:
        truths(clip, write_coco(tmp_path, **changes))
    assert "truth.json" in str(error.value)


def test_coco_file_that_is_no_json(clip, tmp_path):
    (tmp_path / "broken.json").write_text('{"images": [')
    with pytest.raises(DatasetError, match=r"broken\.json cannot be read as JSON"):
        truths(clip, tmp_path / "broken.json")


def test_imagenet_vid(clip, tmp_path):
    folder = tmp_path / "xml"
    folder.mkdir()
    (folder / "a.xml").write_text(XML)
    (folder / "b.xml").write_text("<annotation></annotation>")
    source, (first, second) = truths(clip, folder)
    assert len(source.class_names) == 30
    assert [source.class_names[i] for i in first.class_ids] == ["car", "dog"]
    assert first.boxes.tolist() == [[10, 20, 30, 40], [1, 2, 5, 6]]
    assert first.track_ids.tolist() == [0, 4]
    assert len(second) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", r"a\.xml cannot be read"),
        (XML.replace("n02958343", "unicorn"), r"object 0: 'unicorn' is no class of ImageNet VID"),
        (XML.replace("<xmax>5</xmax>", "<xmax>wide</xmax>"), "object 1: could not convert"),
        (XML.replace("<xmax>5</xmax>", ""), "object 1: could not convert"),
    ],
)
def test_xml_that_is_malformed(clip, tmp_path, text, message):
    folder = tmp_path / "xml"
    folder.mkdir()
    (folder / "a.xml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        truths(clip, folder)


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
        ("1,4,10,20,30,40\n1,4,x,20,30,40\n", "line 2: could not convert"),
        ("1,4,10\n", "line 1: 3 columns, expected frame,id,x,y,w,h"),
        ("0,4,10,20,30,40\n", "line 1: .* a frame below 1"),
        ("1,4,nan,20,30,40\n", "line 1: .* not finite"),
    ],
)
def test_mot_lines_that_are_malformed(tmp_path, text, message):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(DatasetError, match=message):
        open_annotations(tmp_path / "gt.txt")


def test_files_that_are_no_ground_truth(tmp_path):
    with pytest.raises(DatasetError, match="there is no ground truth"):
        open_annotations(tmp_path / "nowhere.json")
    (tmp_path / "truth.docx").write_text("")
    with pytest.raises(DatasetError, match=r"give a COCO \.json, a MOTChallenge \.txt"):
        open_annotations(tmp_path / "truth.docx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no XML files of ImageNet VID"):
        open_annotations(tmp_path / "empty")
