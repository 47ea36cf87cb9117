"""Files of torch's tensors that are not what they should be; what networks share in a process."""

import copy
import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")
from torchvision.models import get_weight

from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.detectors._shipped import is_shipped, shipped_weights_path
from approx_perception.detectors._torch_files import state_digest
from approx_perception.detectors.faster_rcnn.from_torch.network import build_network
from approx_perception.exceptions import InferenceError, WeightsError

BIAS = "roi_heads.box_predictor.cls_score.bias"
FIRST = "backbone.stem.0.0.weight"
FLOAT32 = {"device": "cpu", "precision": "float32"}
IMAGE, SETTINGS = np.zeros((48, 64, 3), np.uint8), DetectorSettings(64, 5)


@pytest.fixture(scope="module")
def shipped():
    return torch.load(shipped_weights_path().with_suffix(".pt"), weights_only=True)


def load(content, tmp_path):
    torch.save(content, tmp_path / "own.pt")
    return load_detector("faster_rcnn", DetectorOptions(str(tmp_path / "own.pt"), **FLOAT32))


def test_the_network_that_ships_is_known_whatever_its_file_is_called(
    shipped, tmp_path, monkeypatch
):
    exported = shipped_weights_path()
    own, link, other = tmp_path / "mine.onnx", tmp_path / "link.onnx", tmp_path / "other.pt"
    in_torch = tmp_path / "mine.pt"
    own.write_bytes(exported.read_bytes())
    in_torch.write_bytes(exported.with_suffix(".pt").read_bytes())
    link.symlink_to(own)
    torch.save({**shipped, "class_names": [f"thing {i}" for i in range(8)]}, other)
    monkeypatch.chdir(tmp_path)
    relative = os.path.relpath(exported)
    for weights in ("", relative, f"./{relative}", str(own), "mine.onnx", str(link), "mine.pt"):
        detector = load_detector("faster_rcnn", DetectorOptions(weights, **FLOAT32))
        assert "knows only synthetic shapes" in detector.caution, weights
    assert not is_shipped(other)
    assert not is_shipped(tmp_path / "nowhere.pt")
    assert not is_shipped(tmp_path)


WRONG = {
    "no backbone": ({"backbone": None}, {}, "its backbone is None; choose 'compact'"),
    "unknown backbone": ({"backbone": ["vgg"]}, {}, r"its backbone is \['vgg'\]; choose"),
    "no state": ({"state": None}, {}, "holds a NoneType where a state dict is expected"),
    "a list of tensors": ({"state": [torch.zeros(2)]}, {}, "holds a list where a state dict"),
    "no names": ({"class_names": None}, {}, "its class names are None"),
    "names as a text": ({"class_names": "cat"}, {}, "its class names are 'cat', expected a list"),
    "names of numbers": ({"class_names": [1, 2]}, {}, r"its class names are \[1, 2\]"),
    "too few names": ({"class_names": ["a"]}, {}, "names 1 class, but its network has 8"),
    "too many names": ({"class_names": ["a"] * 9}, {}, "names 9 classes, but its network has 8"),
    "entry missing": ({}, {FIRST: None}, f'does not fit .* Missing key.* "{FIRST}"'),
    "last entry missing": ({}, {BIAS: None}, f"it lacks {BIAS}"),
    "entry of another shape": ({}, {FIRST: torch.zeros(1, 2)}, f"does not fit .*{FIRST}"),
    "classes of another shape": ({}, {BIAS: torch.tensor(3.0)}, r"has the shape \(\)"),
    "no classes": ({}, {BIAS: torch.zeros(1)}, r"has the shape \(1,\)"),
    "entry without numbers": ({}, {FIRST: "x"}, f"its entry '{FIRST}' is 'x', expected is a tens"),
    "complex": ({}, {FIRST: torch.zeros(2, dtype=torch.complex64)}, "is of torch.complex64, exp"),
    "float8": ({}, {FIRST: torch.zeros(2).to(torch.float8_e4m3fn)}, "of torch.float8_e4m3fn, exp"),
    "sparse": ({}, {FIRST: torch.eye(3).to_sparse()}, "is of the layout torch.sparse_coo"),
    "sparse rows": ({}, {BIAS: torch.eye(3).to_sparse_csr()}, "is of the layout torch.sparse_csr"),
    "meta": ({}, {FIRST: torch.empty(2, device="meta")}, "is without numbers"),
    "expanded": ({}, {BIAS: torch.zeros(1).expand(10**5, 10**5)}, r"shape \(100000, 100000\), but"),
    "nan": ({}, {FIRST: torch.tensor([float("nan")])}, f"'{FIRST}' holds numbers that are not fin"),
    "inf": ({}, {BIAS: torch.full((9,), float("inf"))}, "holds numbers that are not finite"),
}


@pytest.mark.parametrize(("changes", "entries", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_file_is_one_sentence(shipped, tmp_path, changes, entries, words):
    content = {**shipped, "state": {**shipped["state"], **entries}, **changes}
    if isinstance(content["state"], dict):
        content["state"] = {k: v for k, v in content["state"].items() if v is not None}
    with pytest.raises(WeightsError, match=words) as raised:
        load(content, tmp_path)
    assert "\n" not in str(raised.value)
    assert "own.pt" in str(raised.value)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch will give quantised tensors up
def test_quantised_weights(shipped, tmp_path):
    quantised = torch.quantize_per_tensor(shipped["state"][FIRST].float(), 0.1, 0, torch.qint8)
    with pytest.raises(WeightsError, match=f"its entry '{FIRST}' is of torch.qint8, expected"):
        load({**shipped, "state": {**shipped["state"], FIRST: quantised}}, tmp_path)


@pytest.mark.parametrize("model", [5, [1], None, "text"])
def test_a_checkpoint_whose_model_is_none(tmp_path, model):
    with pytest.raises(WeightsError, match="where a state dict is expected"):
        load({"model": model}, tmp_path)


@pytest.mark.parametrize("family", ["faster_rcnn", "ssdlite"])
@pytest.mark.parametrize("content", [b"\x08\x07" * 50, b"\x80\x04K\x05.", b"PK\x03\x04", b"\x00"])
def test_other_files_are_no_weights(tmp_path, family, content):
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.pth (is no readable weights file|holds a)"):
        load_detector(family, DetectorOptions(str(tmp_path / "bad.pth")))


def test_a_network_that_computes_nan_says_so(shipped, tmp_path):
    """All its numbers are finite; a variance below zero has no root."""
    content = copy.deepcopy(shipped)
    content["state"]["backbone.stem.0.1.running_var"][:] = -1.0
    detector = load(content, tmp_path)
    with pytest.raises(InferenceError, match="features are not finite"):
        detector.detect(IMAGE, SETTINGS)


def test_nothing_in_view_is_no_error(shipped, tmp_path):
    content = copy.deepcopy(shipped)
    # Sure that all is background.
    content["state"][BIAS][0] = 100.0
    assert len(load(content, tmp_path).detect(IMAGE, SETTINGS)) == 0


def test_networks_by_name_are_told_apart(tmp_path, monkeypatch):
    """With files where torchvision would have downloaded them to."""
    name = "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    state = build_network("fasterrcnn_mobilenet_v3_large_320_fpn", 91).state_dict()
    fingerprints = []
    for bias in (1.0, 1.0, 2.0):
        state[BIAS][:] = bias
        torch.save(state, folder / get_weight(name).url.rsplit("/", 1)[1])
        detector = load_detector("faster_rcnn", DetectorOptions(name, **FLOAT32))
        fingerprints.append(detector.fingerprint)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]
    assert "without" not in fingerprints[0]


def test_a_digest_is_of_numbers_shapes_names_and_types():
    """By hand, so that it is the same on every machine: profiles are known by it."""
    state = {"b": torch.tensor([1.0, 2.0]), "a": torch.tensor(3, dtype=torch.int64)}
    assert state_digest(state) == DIGEST
    assert state_digest(dict(reversed(state.items()))) == DIGEST
    for other in (
        {**state, "b": torch.tensor([1.0, 2.5])}, {**state, "b": torch.tensor([[1.0, 2.0]])},
        {**state, "b": torch.tensor([1.0, 2.0]).half()}, {"c": state["b"], "a": state["a"]},
    ):  # fmt: skip
        assert state_digest(other) != DIGEST


#: sha256 of "a torch.int64 ()", 3 in eight bytes, "b torch.float32 (2,)", two floats.
DIGEST = "6a0a85816b65871e2531778d968f305bc0c44e69601402210253438392e576e0"
