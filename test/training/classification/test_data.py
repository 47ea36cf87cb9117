import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: make train")

from approx_perception.datasets.synthetic import CLASS_NAMES
from approx_perception.exceptions import DatasetError
from approx_perception.training.classification import data as data_module
from approx_perception.training.classification.data import open_training_data
from approx_perception.training.classification.samples import IMAGE_PX


def write_image(path, level, size=(60, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), level, np.uint8))


@pytest.fixture
def folder(tmp_path):
    for index in range(12):
        write_image(tmp_path / "images" / "cat" / f"{index:02}.png", 10 + index)
        write_image(tmp_path / "images" / "dog" / f"{index:02}.png", 200 + index)
    return tmp_path / "images"


def levels(samples):
    return sorted((sample.label, int(sample.image[0, 0, 0])) for sample in samples)


def test_class_folders(folder, tmp_path):
    data = open_training_data(str(folder), tmp_path / "data")
    assert data.class_names == ("cat", "dog")
    held_out = [(0, 10), (0, 20), (1, 200), (1, 210)]
    assert levels(data.held_out()) == held_out
    everything = [(0, 10 + i) for i in range(12)] + [(1, 200 + i) for i in range(12)]
    kept = sorted(set(everything) - set(held_out))
    assert levels(data.pool[i] for i in range(len(data.pool))) == levels(data.typical()) == kept
    assert data.pool[3].image.shape == (IMAGE_PX, IMAGE_PX, 3)
    assert data.pool[3].box.tolist() == [0, 0, IMAGE_PX, IMAGE_PX]


def test_images_are_read_again_only_where_they_changed(folder, tmp_path):
    open_training_data(str(folder), tmp_path / "data")
    before = (tmp_path / "data" / "images.npy").stat().st_mtime_ns
    open_training_data(str(folder), tmp_path / "data")
    assert (tmp_path / "data" / "images.npy").stat().st_mtime_ns == before
    write_image(folder / "dog" / "01.png", 99)
    data = open_training_data(str(folder), tmp_path / "data")
    assert (1, 99) in levels(data.pool[i] for i in range(len(data.pool)))


def test_a_table_of_paths_and_classes(folder):
    table = folder / "labels.csv"
    rows = [f"{name}/{i:02}.png, {name}" for name in ("dog", "cat") for i in range(5)]
    table.write_text("\n".join(["path,class", *rows, ""]))
    data = open_training_data(str(table), folder / "data")
    assert data.class_names == ("cat", "dog")
    assert len(data.pool) == 8
    assert levels(data.held_out()) == [(0, 10), (1, 200)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "begins with '', expected path,class"),
        ("file,label\na,b", "begins with 'file,label', expected path,class"),
        ("path,class\ncat/00.png", "labels.csv:2 is 'cat/00.png', expected a path and a class"),
        ("path,class\ncat/00.png,cat\n,dog", "labels.csv:3 is ',dog'"),
        ("path,class\ncat/99.png,cat", "there is no image of .*labels.csv:2 .*99.png"),
        (f"path,class\n{'a' * 5000}.png,cat", "labels.csv:2 '.*a{99}.*: File name too long"),
        ("path,class\ncat,cat", "labels.csv:2 .*cat': it is a folder"),
        ("path,class\nlabels.csv,cat", "labels.csv' is no image; it must end with one of '.jpg'"),
        ("path,class\ncat/00.png,cat", "names 1 class; at least 2"),
        ("path,class\ncat/00.png,cat\ndog/00.png,dog", "one image of the class 'cat'; 2 are"),
        (
            "path,class\n" + "cat/00.png,cat\ndog/00.png,dog\n" * 4,
            "leaves 6 images to train on, every tenth .*; at least 7 are needed",
        ),
        ('path,class\n"cat/00.png,cat', "labels.csv:2: unexpected end of data"),
    ],
)
def test_tables_that_cannot_be(rows, words, folder):
    table = folder / "labels.csv"
    table.write_text(rows)
    with pytest.raises(DatasetError, match=words):
        open_training_data(str(table), folder / "data")


def test_folders_that_cannot_be(folder, tmp_path):
    with pytest.raises(DatasetError, match="'nowhere' is no training data; name synthetic"):
        open_training_data("nowhere", tmp_path / "data")
    with pytest.raises(DatasetError, match="cat has no class folders; images stand in DIR/CLASS"):
        open_training_data(str(folder / "cat"), tmp_path / "data")
    (folder / "owl").mkdir()
    with pytest.raises(DatasetError, match="owl holds no images"):
        open_training_data(str(folder), tmp_path / "data")
    (folder / "owl" / "0.png").write_text("no image")
    (folder / "owl" / "1.png").write_text("no image")
    with pytest.raises(DatasetError, match="no image of the class 'owl' that can be read"):
        open_training_data(str(folder), tmp_path / "data")


@pytest.mark.parametrize("name", ["", "a" * 5000, "b" * 5000 + ".csv", "\0"])
def test_names_that_cannot_be(name, tmp_path):
    with pytest.raises(DatasetError) as raised:
        open_training_data(name, tmp_path / "data")
    assert len(str(raised.value)) <= 2000


def test_images_that_cannot_be_read_are_left_out_and_counted(folder, tmp_path, caplog):
    for name, content in (("cat/03.png", b"no image"), ("dog/05.png", b""), ("dog/10.png", b"x")):
        (folder / name).write_bytes(content)
    data = open_training_data(str(folder), tmp_path / "data")
    assert len(data.pool) == 18
    assert (0, 13) not in levels(data.typical())
    assert levels(data.held_out()) == [(0, 10), (0, 20), (1, 200)]
    told = "\n".join(caplog.messages)
    assert "images: 2 of 20 images cannot be read and are left out; the first is " in told
    assert "1 of 4 images cannot be read" in told
    # The same again from what was kept.
    assert len(open_training_data(str(folder), tmp_path / "data").pool) == 18


def test_few_images_that_judge_are_told(folder, tmp_path, caplog, monkeypatch):
    open_training_data(str(folder), tmp_path / "data")
    assert "only 4 images of it, every tenth of a class, will judge" in caplog.text
    caplog.clear()
    monkeypatch.setattr(data_module, "_FEW_HELD_OUT", 4)
    open_training_data(str(folder), tmp_path / "data")
    assert not caplog.text


def test_clips_are_drawn_once_with_their_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(data_module, "_JUDGED_CLIPS", 2)
    frames = [*data_module._clip_frames("object_fair", "train", (160, 120), 2, 6)]
    again = [*data_module._clip_frames("object_fair", "train", (160, 120), 2, 6)]
    for one, other in zip(frames, again, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    # Two moments of each clip show the same object.
    assert [f.label for f in frames[::2]] == [f.label for f in frames[1::2]]
    judged = list(data_module._frames_of_all("val", 2))
    assert len(judged) == 8
    assert all(0 <= sample.label < len(CLASS_NAMES) for sample in judged)
    assert judged[0].image.shape == (480, 640, 3)
