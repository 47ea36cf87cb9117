"""A user's own images: COCO, YOLO and Pascal VOC give the same; what cannot be used is said."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: make train")

pytest.importorskip("torch", reason="needs PyTorch: make train")

from approx_perception.exceptions import DatasetError, WeightsError
from approx_perception.training.detection.data import open_training_data

#: Of each image: class and box, x1 y1 x2 y2 in px of 64x48.
BOX = (8, 12, 24, 36)
NAMES = ("key", "mug")
COUNT = 10


def picture(path, size=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), 90, np.uint8))


def coco(root, count=COUNT, boxes=None):
    x1, y1, x2, y2 = BOX
    content = {
        "categories": [{"id": 7, "name": "key"}, {"id": 3, "name": "mug"}],
        "images": [
            {"id": index, "file_name": f"{index}.png", "width": 64, "height": 48}
            for index in range(count)
        ],
        "annotations": [
            {"image_id": index, "category_id": (7, 3)[index % 2],
             "bbox": (boxes or {}).get(index, [x1, y1, x2 - x1, y2 - y1])}
            for index in range(count)
        ],
    }  # fmt: skip
    for index in range(count):
        picture(root / "images" / f"{index}.png")
    (root / "annotations").mkdir()
    (root / "annotations" / "truth.json").write_text(json.dumps(content))
    return root


def yolo(root, count=COUNT):
    for index in range(count):
        picture(root / "images" / "train" / f"{index}.png")
        label = root / "labels" / "train" / f"{index}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(f"{index % 2} 0.25 0.5 0.25 0.5\n")
    (root / "data.yaml").write_text("train: images/train\nnames: [key, mug]\n")
    return root


def voc(root, count=COUNT):
    corners = "".join(
        f"<{side}>{value}</{side}>"
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), BOX, strict=True)
    )
    (root / "Annotations").mkdir(parents=True)
    for index in range(count):
        picture(root / "JPEGImages" / f"{index}.png")
        (root / "Annotations" / f"{index}.xml").write_text(
            "<annotation><size><width>64</width><height>48</height></size><object>"
            f"<name>{NAMES[index % 2]}</name><bndbox>{corners}</bndbox></object></annotation>"
        )
    return root


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.mark.parametrize("write", [coco, yolo, voc])
def test_all_kinds_of_data_sets_give_the_same(tmp_path, cache, write):
    data = open_training_data(str(write(tmp_path / "set")), cache)
    assert data.class_names == NAMES
    assert len(data.held_out) == COUNT // 5
    assert sum(data.objects) == COUNT - COUNT // 5
    for image in data.held_out:
        assert image.truth.boxes.tolist() == [list(BOX)]
        assert image.truth.class_ids.tolist() == [int(image.path.stem) % 2]
    assert not cache.exists()


@pytest.mark.parametrize("write", [coco, yolo, voc])
def test_the_same_images_are_held_out_again(tmp_path, cache, write):
    root = write(tmp_path / "set")
    first, again = (open_training_data(str(root), cache).held_out for _ in range(2))
    assert [image.path for image in first] == [image.path for image in again]


def test_a_data_set_that_holds_images_out_itself(tmp_path, cache):
    root = yolo(tmp_path / "set")
    for index in (20, 21):
        picture(root / "images" / "val" / f"{index}.png")
        (root / "labels" / "val").mkdir(exist_ok=True)
        (root / "labels" / "val" / f"{index}.txt").write_text("1 0.25 0.5 0.25 0.5\n")
    with (root / "data.yaml").open("a") as file:
        file.write("val: ../images/val\n")
    data = open_training_data(str(root / "data.yaml"), cache)
    assert [image.path.stem for image in data.held_out] == ["20", "21"]
    assert sum(data.objects) == COUNT


@pytest.mark.parametrize(
    "train", ["[images/train, images/train]", "[images, images/train]", "[images/link, images]"]
)
def test_an_image_that_is_named_twice_does_not_judge_what_was_trained_on_it(tmp_path, cache, train):
    root = yolo(tmp_path / "set")
    (root / "images" / "link").symlink_to("train")
    (root / "labels" / "link").symlink_to("train")
    (root / "data.yaml").write_text(f"train: {train}\nnames: [key, mug]\n")
    data = open_training_data(str(root / "data.yaml"), cache)
    assert sum(data.objects) + len(data.held_out) == COUNT


@pytest.mark.parametrize("name", ["0.png", "another/0.png", "./0.png"])
def test_two_entries_of_one_file_are_refused(tmp_path, cache, name):
    path = coco(tmp_path) / "annotations" / "truth.json"
    path.write_text(path.read_text().replace('"1.png"', f'"{name}"'))
    with pytest.raises(DatasetError, match=r"2 of its images are the one file .*0\.png"):
        open_training_data(str(tmp_path), cache)


@pytest.mark.parametrize("name", ["", r"\ud800", r"key\nring"])
def test_class_names_that_no_network_can_have_are_refused_before_training(tmp_path, cache, name):
    path = coco(tmp_path) / "annotations" / "truth.json"
    path.write_text(path.read_text().replace('"mug"', f'"{name}"'))
    with pytest.raises(WeightsError, match=r"class \d of .* which is no text"):
        open_training_data(str(tmp_path), cache)


def test_large_images_are_kept_small(tmp_path, cache):
    root = yolo(tmp_path / "set", 7)
    for index in range(7):
        picture(root / "images" / "train" / f"{index}.png", (2400, 1800))
    (image, *_) = open_training_data(str(root), cache).held_out
    assert image.path.parent == cache
    assert cv2.imread(str(image.path)).shape[:2] == (1152, 1536)
    np.testing.assert_allclose(image.truth.boxes, [[192, 288, 576, 864]], rtol=1e-5)


def test_boxes_that_are_empty_or_outside_are_counted(tmp_path, cache, caplog):
    boxes = {0: [10, 10, 0, 5], 1: [70, 10, 5, 5], 2: [-5, 10, 20, 10]}
    open_training_data(str(coco(tmp_path / "set", boxes=boxes)), cache)
    assert "2 boxes left out, empty or outside of the image; the first is" in caplog.text
    assert "0.png of 64x48 px" in caplog.text or "1.png of 64x48 px" in caplog.text
    assert "1 box cut to the image" in caplog.text
    assert "2 images without an object" in caplog.text


def test_images_that_are_missing_broken_or_of_another_size_are_counted(tmp_path, cache, caplog):
    root = coco(tmp_path / "set", 20)
    (root / "images" / "3.png").unlink()
    (root / "images" / "4.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    picture(root / "images" / "5.png", (48, 64))
    open_training_data(str(root), cache)
    assert "3 of 20 images cannot be read and are left out; the first is" in caplog.text


def test_an_image_of_another_size_than_labelled_is_named(tmp_path, cache):
    root = coco(tmp_path / "set", 6)
    for index in range(6):
        picture(root / "images" / f"{index}.png", (128, 96))
    with pytest.raises(DatasetError, match="128x96 px, but was labelled as one of 64x48 px"):
        open_training_data(str(root), cache)


def test_few_images_and_classes_without_objects_are_told(tmp_path, cache, caplog):
    root = yolo(tmp_path / "set")
    (root / "data.yaml").write_text("train: images/train\nnames: [key, mug, ghost]\n")
    data = open_training_data(str(root), cache)
    assert data.class_names == NAMES
    assert "no object to learn from of 'ghost'" in caplog.text
    assert "leaves 8 images to train on" in caplog.text
    assert "few objects to learn from of key" in caplog.text


def remove_labels(root):
    for path in (root / "labels" / "train").iterdir():
        path.unlink()


def name_a_class_too_few(root):
    (root / "data.yaml").write_text("train: images/train\nnames: [key]\n")


def name_another_folder(root):
    (root / "data.yaml").write_text("train: pictures\nnames: [key, mug]\n")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove_labels, r"no label of an object was found; looked in '.*labels.train'"),
        (name_a_class_too_few, r"\.txt, line 1: the class is 1, but .*names the 1 classes 0 to 0"),
        (name_another_folder, "train is 'pictures', but .*pictures is not there"),
        (lambda root: (root / "data.yaml").unlink(), "holds no training data; give a COCO"),
        (lambda root: (root / "data.yaml").write_text("names: [a]"), "train is None, expected"),
    ],
)
def test_yolo_data_that_cannot_be_used(tmp_path, cache, damage, words):
    root = yolo(tmp_path / "set")
    damage(root)
    with pytest.raises(DatasetError, match=words):
        open_training_data(str(root), cache)


@pytest.mark.parametrize("write", [coco, yolo, voc])
def test_too_few_images_are_refused(tmp_path, cache, write):
    with pytest.raises(DatasetError, match="leaves 3 images with objects to train on and 1 to"):
        open_training_data(str(write(tmp_path / "set", 4)), cache)


def test_what_is_no_data_set(tmp_path, cache):
    with pytest.raises(DatasetError, match="'/nowhere' is not there; give a COCO"):
        open_training_data("/nowhere", cache)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(DatasetError, match=r"a\.txt' is no training data; give a COCO"):
        open_training_data(str(tmp_path / "a.txt"), cache)
    root = coco(tmp_path / "set")
    (root / "annotations" / "b.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"holds several \.json; give '.*b\.json' or"):
        open_training_data(str(root), cache)
