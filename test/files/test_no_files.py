"""Pipes, devices, sockets and folders where a file is expected: each is said to be what it is."""

import os
import socket

import pytest

from approx_perception.assembly.loading import load_space
from approx_perception.datasets import open_source
from approx_perception.datasets.annotations import open_annotations
from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.exceptions import ApproxPerceptionError, WeightsError
from approx_perception.files import check_file


def make(kind, path):
    if kind == "named pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))


def xml_folder(path):
    """Ground truth in a folder, of which one file is none."""
    path.rename(path.with_suffix(".xml"))
    open_annotations(path.parent)


KINDS = ("named pipe", "device", "socket", "folder")
OPENERS = {
    "weights.pt": lambda path: load_detector("faster_rcnn", DetectorOptions(str(path))),
    "ssdlite.pt": lambda path: load_detector("ssdlite", DetectorOptions(str(path))),
    "weights.onnx": lambda path: load_detector("yolox", DetectorOptions(str(path))),
    "space.yaml": lambda path: load_space(str(path), "yolox"),
    "truth.json": open_annotations,
    "truth.txt": open_annotations,
    "one": xml_folder,
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in OPENERS
        for kind in KINDS
        # Elsewhere a folder is ground truth of another kind.
        if kind != "folder" or "truth" not in name
    ],
)
def test_what_is_no_file_is_said_to_be_what_it_is(name, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    make(kind, path.relative_to(tmp_path))
    with pytest.raises(ApproxPerceptionError, match=f"it is a {kind}, not a file") as error:
        OPENERS[name](path)
    assert path.stem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_source_that_is_no_file(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(kind, (tmp_path / "clip.mp4").relative_to(tmp_path))
    with pytest.raises(ApproxPerceptionError, match=r"'.*clip\.mp4'.*pipe or a device"):
        open_source(str(tmp_path / "clip.mp4"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere", "there is no list 'nowhere'"), ("a" * 300, "too long"), ("a\0b", "null byte")],
)
def test_names_of_no_file(name, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=reason):
        check_file(type(tmp_path)(name), "list", WeightsError)


def test_a_file_is_one(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    check_file(tmp_path / "link", "list")
