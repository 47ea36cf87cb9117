"""Ground truth in the text files of YOLO."""

import cv2
import numpy as np
import pytest

from approx_perception.datasets import open_source
from approx_perception.exceptions import ConfigurationError, DatasetError
from test.datasets.annotations.truth_files import truths


@pytest.fixture
def labels(tmp_path):
    """Labels of the images of 64x48 px ``a`` and ``b``; the latter has none."""
    folder = tmp_path / "set" / "labels"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("1 0.5 0.5 0.25 0.5\n\n0 0 0 0.5 0 0.5 0.25\n")
    (folder.parent / "data.yaml").write_text("names: {1: mug, 0: key}\n")
    return folder


def test_boxes_and_outlines(clip, labels):
    source, (first, second) = truths(clip, labels)
    assert source.class_names == ("key", "mug")
    assert first.class_ids.tolist() == [1, 0]
    assert first.boxes.tolist() == [[24, 12, 40, 36], [0, 0, 32, 12]]
    assert first.track_ids.tolist() == [-1, -1]
    assert len(second) == 0
    assert source.truth_remarks() == ("1 images have no label file, as b.png",)


def test_names_beside_the_labels_win_and_a_class_map_over_all(clip, labels):
    (labels / "classes.txt").write_text("bolt\nnut\n")
    assert truths(clip, labels)[0].class_names == ("bolt", "nut")
    source = open_source(str(clip), ground_truth=str(labels), class_numbers={0: "x", 1: "y"})
    assert source.class_names == ("x", "y")
    with pytest.raises(ConfigurationError, match="the class map names no class 0"):
        open_source(str(clip), ground_truth=str(labels), class_numbers={1: "x", 2: "y"})


def test_a_picture_that_is_stored_on_its_side(tmp_path, labels):
    """As phones do: shares are of the picture as it is seen."""
    (clip := tmp_path / "phone").mkdir()
    content = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (clip / "a.jpg").write_bytes(content[:2] + segment + content[2:])
    (entry,) = open_source(str(clip), ground_truth=str(labels))
    assert entry.frame.image.shape == (64, 48, 3)
    assert entry.ground_truth.boxes[0].tolist() == [18, 16, 30, 48]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.1 0.1", r"line 1: the class is 2, but data\.yaml names the 2 classes 0 to 1"),
        ("-1 0.5 0.5 0.1 0.1", "line 1: the class is -1"),
        ("0.5 0.5 0.5 0.1 0.1", "the class is 0.5, expected a whole number"),
        ("0 320 240 64 48", "320 is no share of the image from 0 to 1"),
        ("0 nan 0.5 0.1 0.1", "nan is no share"),
        ("0 0.5 0.5 -0.1 0.1", "the box has the sides -0.1 and 0.1"),
        ("0 0.5 0.5 0.1", "there are 4 columns, expected the class and x, y"),
        ("0 0.5 0.5 0.1 0.1 0.9", "there are 6 columns"),
        ("key 0.5 0.5 0.1 0.1", "'key' is no number"),
    ],
)
def test_a_line_that_cannot_be_used(clip, labels, line, message):
    (labels / "b.txt").write_text(line)
    with pytest.raises(
        DatasetError, match=rf"b\.txt, line 1: .*{message.removeprefix('line 1: ')}"
    ):
        truths(clip, labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"nothing names the classes of .*labels: write them into .*classes\.txt"),
        ("nc: 2\n", r"data\.yaml: names is None, expected a list of class names"),
        ("names: {1: mug, 2: key}\n", "expected a list of class names, or lines of 'number: name'"),
        ("names: [mug, [key]]\n", "expected a list of class names"),
        ("- mug\n", r"data\.yaml is no YOLO data file: it must hold 'names' and 'train'"),
    ],
)
def test_names_that_are_not_there(clip, labels, text, message):
    path = labels.parent / "data.yaml"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        truths(clip, labels)


def test_a_video_has_no_files_that_labels_could_belong_to(video, labels):
    with pytest.raises(DatasetError, match="give the folder of these images as the source"):
        truths(video, labels)


def test_labels_of_other_images_are_told(tmp_path, labels):
    (clip := tmp_path / "other").mkdir()
    cv2.imwrite(str(clip / "c.png"), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"none of the 2 objects .* 1 images have no label file"):
        truths(clip, labels)
