"""Files of exported networks: what they say of themselves, and what becomes of others."""

import subprocess
import sys

import numpy as np
import pytest

from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.detectors._protobuf import field, fields
from approx_perception.detectors._shipped import shipped_weights_path
from approx_perception.detectors.faster_rcnn import file as network_file
from approx_perception.detectors.faster_rcnn.file import open_file
from approx_perception.detectors.registry import family_for
from approx_perception.exceptions import ConfigurationError, WeightsError

_PROPERTY, _KEY, _VALUE = 14, 1, 2


@pytest.fixture(scope="module")
def content():
    return shipped_weights_path().read_bytes()


def with_property(content, key, text):
    """The same model, but one property; None leaves it out."""
    kept = [
        raw
        for number, raw, value in fields(content)
        if number != _PROPERTY or next(fields(value))[2] != key.encode()
    ]
    if text is not None:
        kept.append(field(_PROPERTY, field(_KEY, key.encode()) + field(_VALUE, text.encode())))
    return b"".join(kept)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("format", None, "is no Faster R-CNN that can be run"),
        ("format", "approx_perception.faster_rcnn.onnx/9", "is no Faster R-CNN that can be run"),
        ("class_names", None, "its class_names is None, expected JSON"),
        ("class_names", "[]", r"its class_names is '\[\]', expected a list of texts"),
        ("class_names", "[1, 2]", r"its class_names is '\[1, 2\]', expected a list of texts"),
        ("strides", "[8, 0]", r"its strides is '\[8, 0\]', expected a few whole numbers from 1"),
        ("strides", "8", "its strides is '8', expected a few whole numbers"),
        ("padding_bgr", "[1, 2]", r"its padding_bgr is '\[1, 2\]', expected 3 whole numbers"),
        ("samples", "true", "its samples is 'true', expected a whole number from 1 on"),
        ("samples", "[[[", r"its samples is '\[\[\[', expected JSON"),
        ("bins", '"seven"', "its bins is '\"seven\"', expected 2 whole numbers"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(content, tmp_path, key, text, words):
    path = tmp_path / "own.onnx"
    path.write_bytes(with_property(content, key, text))
    with pytest.raises(WeightsError, match=words) as raised:
        open_file(str(path), None)
    assert "own.onnx" in str(raised.value)


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9999])
def test_a_file_that_was_cut_off(content, tmp_path, share):
    path = tmp_path / "own.onnx"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"own\.onnx is no "):
        open_file(str(path), None)


def test_an_exported_network_needs_no_detector_named(content, tmp_path):
    own, other = tmp_path / "own.onnx", tmp_path / "other.onnx"
    own.write_bytes(content)
    other.write_bytes(with_property(content, "format", "other"))
    assert family_for("faster_rcnn", str(own)) == "faster_rcnn"
    assert family_for("faster_rcnn", str(other)) == "onnx"
    assert family_for("faster_rcnn", str(tmp_path / "nowhere.onnx")) == "onnx"


def test_another_family_says_whose_it_is():
    with pytest.raises(WeightsError, match="is a Faster R-CNN, for the detector faster_rcnn"):
        load_detector("onnx", DetectorOptions(str(shipped_weights_path())))


def test_other_class_names(tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("\n".join("abcdefgh"))
    assert open_file("", names).metadata.class_names == tuple("abcdefgh")
    names.write_text("a\nb")
    with pytest.raises(WeightsError, match="names 2 classes, but the network has 8"):
        open_file("", names)


class TestWithTorch:
    """What is exported on load."""

    @pytest.fixture
    def weights(self, tmp_path, monkeypatch):
        pytest.importorskip("torch", reason="needs PyTorch: make train")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        path = tmp_path / "own.pt"
        path.write_bytes(shipped_weights_path().with_suffix(".pt").read_bytes())
        return path

    def test_a_later_start_exports_nothing(self, weights, tmp_path, monkeypatch):
        first = open_file(str(weights), None)
        assert first.path.is_relative_to(tmp_path / "cache")
        assert first.weights_path == weights
        monkeypatch.setattr(network_file, "_load_in_torch", None)
        assert open_file(str(weights), None).content == first.content

    def test_other_names_or_weights_are_another_export(self, weights, tmp_path):
        names = tmp_path / "names.txt"
        names.write_text("\n".join("abcdefgh"))
        first, second = open_file(str(weights), None), open_file(str(weights), names)
        assert first.path != second.path
        assert second.metadata.class_names == tuple("abcdefgh")

    def test_without_torch(self, weights, monkeypatch):
        for name in list(sys.modules):
            if ".from_torch" in name:
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ConfigurationError, match=r"own\.pt' needs PyTorch") as raised:
            load_detector("faster_rcnn", DetectorOptions(str(weights)))
        assert "approx-perception export" in str(raised.value)


def test_the_network_that_ships_runs_without_torch_and_onnx(root):
    program = """
import sys
for name in ("torch", "torchvision", "onnx"):
    sys.modules[name] = None
import numpy as np
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
options = DetectorOptions(device="cpu", precision="float32", runtime="onnxruntime")
detector = load_detector("faster_rcnn", options)
detector.detect(np.zeros((48, 64, 3), np.uint8), DetectorSettings(64, 5))
"""
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True)


def test_a_listener_sees_the_features_of_each_level():
    detector = load_detector("faster_rcnn", DetectorOptions(device="cpu"))
    seen = []
    detector.feature_listeners.append(seen.append)
    detector.detect(np.zeros((48, 64, 3), np.uint8), DetectorSettings(64, 5))
    [levels] = seen
    # 64x96 px at strides 8, 16 and 32.
    assert [level.shape for level in levels] == [(1, 96, 64), (1, 24, 64), (1, 6, 64)]
