import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.testing.contracts import DetectorContract

#: Output rows for the cells of a 32 px image, and the second row's third column of the first level.
CELLS, CELL = 16 + 4 + 1, 4 + 2


def write_model(path, classes=2, sides=("S", "S"), cells=CELLS, cell=CELL):
    """A network that answers zeros but for one cell, whatever it sees."""
    shape = helper.make_node("Shape", ["images"], ["shape"])
    nodes = [shape]
    rows = np.zeros((1, cells, 5 + classes), np.float32)
    # A box of 2 x 3 cells of the second class.
    rows[0, cell, :5] = [0.5, 0.5, np.log(2), np.log(3), 0.9]
    rows[0, cell, 6] = 0.8
    constant = helper.make_tensor("rows", TensorProto.FLOAT, rows.shape, rows.ravel())
    nodes.append(helper.make_node("Constant", [], ["output"], value=constant))
    graph = helper.make_graph(
        nodes,
        "yolox",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *sides])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, list(rows.shape))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


@pytest.fixture
def model(tmp_path):
    path = write_model(tmp_path / "model.onnx")
    (tmp_path / "model.names").write_text("cat\ndog\n")
    return path


def load(path, names=None):
    return load_detector("yolox", DetectorOptions(str(path), names))


class TestContract(DetectorContract):
    @pytest.fixture
    def detector(self, yolox_weights):
        return load(yolox_weights)

    @pytest.fixture
    def settings(self):
        return DetectorSettings(160), DetectorSettings(224)


def test_decoding_by_hand(model):
    found = load(model).detect(np.zeros((64, 64, 3), np.uint8), DetectorSettings(32))
    # Centre (2.5, 1.5) cells of 8 px, sides 16 and 24 px; the image is twice as large.
    np.testing.assert_allclose(found.boxes, [[24, 0, 56, 48]], atol=1e-3)
    np.testing.assert_allclose(found.scores, [0.72], rtol=1e-6)
    assert found.class_ids.tolist() == [1]


@pytest.mark.parametrize(
    ("sides", "rows"),
    [(("H", "W"), 96), ((None, None), 96), (("S", "S"), 128), ((128, 128), 128)],
    ids=str,
)
def test_no_more_padding_than_the_file_demands(tmp_path, sides, rows):
    # Of 128 x 64 px, with half a cell of 32 px below; the box is the second level's, in its second
    # row and third column.
    first, second, third = (rows * 128 // stride**2 for stride in (8, 16, 32))
    path = tmp_path / "model.onnx"
    write_model(path, sides=sides, cells=first + second + third, cell=first + 128 // 16 + 2)
    (tmp_path / "model.names").write_text("cat\ndog\n")
    found = load(path).detect(np.zeros((64, 128, 3), np.uint8), DetectorSettings(128))
    np.testing.assert_allclose(found.boxes, [[24, 0, 56, 48]], atol=1e-3)
    assert load(path).input_px(128, (128, 64)) == 128 * rows


def test_names_beside_the_weights(model):
    assert load(model).class_names == ("cat", "dog")


def test_wrong_number_of_names(model, tmp_path):
    names = tmp_path / "three.txt"
    names.write_text("cat\ndog\nbird\n")
    with pytest.raises(WeightsError, match="names 3 classes, but the network has 2"):
        load(model, names)


def test_no_names(tmp_path):
    with pytest.raises(WeightsError, match="needs the names of its 2 classes"):
        load(write_model(tmp_path / "model.onnx"))


def test_missing_names_file(model, tmp_path):
    with pytest.raises(WeightsError, match="cannot read the class names"):
        load(model, tmp_path / "none.txt")


@pytest.mark.parametrize("content", [b"", b"no onnx at all", b"\x08\x07" * 50])
def test_corrupt_weights(tmp_path, content):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.onnx is no (ONNX file|YOLOX)"):
        load(tmp_path / "bad.onnx")


def test_missing_weights():
    with pytest.raises(WeightsError, match=r"no weights file 'nowhere\.onnx'"):
        load("nowhere.onnx")
    with pytest.raises(WeightsError, match="name an ONNX file"):
        load("")


def test_shape_must_be_a_multiple_of_32(model):
    with pytest.raises(ConfigurationError, match=r"shape 100 .* multiple of 32"):
        load(model).check_settings(DetectorSettings(100))


def test_no_proposals(model):
    with pytest.raises(ConfigurationError, match="leave the knob nprop out"):
        load(model).check_settings(DetectorSettings(64, 10))


def test_file_of_fixed_shape(tmp_path):
    (tmp_path / "x.names").write_text("cat\ndog\n")
    detector = load(write_model(tmp_path / "x.onnx", sides=(32, 32)))
    detector.check_settings(DetectorSettings(32))
    with pytest.raises(ConfigurationError, match="exported for 32x32 px only; use shape 32"):
        detector.check_settings(DetectorSettings(64))


def test_file_of_two_fixed_sides(tmp_path):
    """64 px high and 128 wide; an image twice as high as wide is brought to 32 x 64 in it."""
    (tmp_path / "x.names").write_text("cat\ndog\n")
    first, second, third = (64 * 128 // stride**2 for stride in (8, 16, 32))
    path = tmp_path / "x.onnx"
    write_model(path, sides=(64, 128), cells=first + second + third, cell=128 // 8 + 2)
    detector = load(path)
    detector.check_settings(DetectorSettings(128))
    with pytest.raises(ConfigurationError, match="exported for 128x64 px only; use shape 128"):
        detector.check_settings(DetectorSettings(64))
    assert detector.input_px(128, (100, 200)) == 128 * 64
    # Centre (2.5, 1.5) cells of 8 px, sides 16 and 24 px, in an image 200 / 64 times as high.
    found = detector.detect(np.zeros((200, 100, 3), np.uint8), DetectorSettings(128))
    expected = np.array([[12, 0, 28, 24]]) * 200 / 64
    np.testing.assert_allclose(found.boxes, expected, atol=1e-3)


def test_unknown_device(model):
    with pytest.raises(ConfigurationError, match="cannot use the device 'abacus'"):
        load_detector("yolox", DetectorOptions(str(model), None, "abacus"))
