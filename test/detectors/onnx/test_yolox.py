import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: make train")

from onnx import TensorProto

from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.detectors.onnx._preparation import Preparation
from approx_perception.detectors.onnx._rows import grid
from approx_perception.detectors.onnx.conventions._yolox_boxes import is_decoded
from approx_perception.exceptions import ConfigurationError, InferenceError, WeightsError
from approx_perception.testing.contracts import DetectorContract
from test.detectors.onnx_models import save, write_constant, write_yolox


def white_cell(width, height, x1, y1, x2, y2):
    image = np.zeros((height, width, 3), np.uint8)
    image[y1:y2, x1:x2] = 255
    return image


@pytest.fixture
def model(tmp_path):
    path = write_yolox(tmp_path / "model.onnx")
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
    found = load(model).detect(white_cell(64, 64, 32, 16, 48, 32), DetectorSettings(32))
    # Centre (2.5, 1.5) cells of 8 px, sides 16 and 24 px; the image is twice as large.
    np.testing.assert_allclose(found.boxes, [[24, 0, 56, 48]], atol=1e-3)
    np.testing.assert_allclose(found.scores, [0.8], rtol=1e-6)
    assert found.class_ids.tolist() == [1]


@pytest.mark.parametrize(
    ("sides", "rows"),
    [(("H", "W"), 96), ((None, None), 96), (("S", "S"), 128), ((128, 128), 96)],
    ids=str,
)
def test_no_more_padding_than_the_file_demands(tmp_path, sides, rows):
    # Of 128 x 64 px, with half a cell of 32 px below; the box is the second level's, in its second
    # row and third column.
    path = write_yolox(tmp_path / "model.onnx", sides=sides, active=(16,))
    (tmp_path / "model.names").write_text("cat\ndog\n")
    found = load(path).detect(white_cell(128, 64, 32, 16, 48, 32), DetectorSettings(128))
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
        load(write_yolox(tmp_path / "model.onnx"))


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
    detector = load(write_yolox(tmp_path / "x.onnx", sides=(32, 32), decoded=True))
    detector.check_settings(DetectorSettings(32))
    assert detector.own_shapes((160, 416)) == (32,)
    with pytest.raises(
        ConfigurationError, match=r"32x32 px only \(its graph is .*\); use shape 32"
    ):
        detector.check_settings(DetectorSettings(64))


def test_file_of_two_fixed_sides(tmp_path):
    """64 px high and 128 wide; an image twice as high as wide is brought to 32 x 64 in it."""
    (tmp_path / "x.names").write_text("cat\ndog\n")
    path = write_yolox(tmp_path / "x.onnx", sides=(64, 128), decoded=True)
    detector = load(path)
    detector.check_settings(DetectorSettings(128))
    with pytest.raises(ConfigurationError, match=r"for 128x64 px only \(.*\); use shape 128"):
        detector.check_settings(DetectorSettings(64))
    assert detector.input_px(128, (100, 200)) == 128 * 64
    # Centre (2.5, 1.5) cells of 8 px, sides 16 and 24 px, in an image 200 / 64 times as high.
    found = detector.detect(white_cell(100, 200, 50, 25, 75, 50), DetectorSettings(128))
    expected = np.array([[12, 0, 28, 24]]) * 200 / 64
    np.testing.assert_allclose(found.boxes, expected, atol=1e-3)


def test_unknown_device(model):
    with pytest.raises(ConfigurationError, match="cannot use the device 'abacus'"):
        load_detector("yolox", DetectorOptions(str(model), None, "abacus"))


def named(path, classes=2):
    (path.parent / "model.names").write_text("".join(f"class {i}\n" for i in range(classes)))
    return path


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.UINT8, TensorProto.DOUBLE])
def test_images_are_given_as_the_file_takes_them(tmp_path, kind):
    path = named(write_yolox(tmp_path / "model.onnx", kind=kind))
    found = load(path).detect(white_cell(64, 64, 32, 16, 48, 32), DetectorSettings(32))
    np.testing.assert_allclose(found.boxes, [[24, 0, 56, 48]], atol=0.1)
    assert found.boxes.dtype == found.scores.dtype == np.float32


@pytest.mark.parametrize("sides", [(32, 32), (64, 96), (416, 416)])
def test_decoding_inside_is_recognised(tmp_path, sides):
    path = named(write_yolox(tmp_path / "model.onnx", sides=sides, decoded=True))
    height, width = sides
    found = load(path).detect(
        white_cell(width, height, 16, 8, 24, 16), DetectorSettings(max(sides))
    )
    np.testing.assert_allclose(found.boxes, [[12, 0, 28, 24]], atol=1e-3)


#: Of 96 x 64 px: 96 + 24 + 6 cells.
CELLS = 126
BOX_AND_SCORE = [10.0, 10.0, 50.0, 40.0, 0.9]
STRANGE = {
    "nan": ([np.full((1, CELLS, 7), np.nan)], "126 of its 126 rows for a test picture are not f"),
    "inf": ([np.full((1, CELLS, 7), np.inf)], "are not finite"),
    "logits": ([np.full((1, CELLS, 7), -4.5)], "from -4.5 to -4.5 and not from 0 to 1"),
    "percent": ([np.full((1, CELLS, 7), 50.0)], "from 50 to 50 and not from 0 to 1"),
    "boxes in no known px": (
        [np.tile(np.float32([[[9e3, 9e3, 5, 5, 0.5, 0.1, 0.1]]]), (1, CELLS, 1))],
        "neither near their cells nor offsets",
    ),
}


@pytest.mark.parametrize(("outputs", "words"), STRANGE.values(), ids=STRANGE)
def test_other_networks_are_told_by_what_they_give(tmp_path, outputs, words):
    path = named(write_constant(tmp_path / "model.onnx", *outputs))
    with pytest.raises(WeightsError, match=words) as raised:
        load(path)
    assert "model.onnx is no YOLOX" in str(raised.value)
    assert "expected is an input (1, 3, H, W)" in str(raised.value)
    assert len(str(raised.value)) < 600


#: Of 160 x 128 px, each with a centre at its cell's and sides of four strides.
PLACES, LEVELS = grid(128, 160)
CENTRES, SIDES = (PLACES + 0.5) * LEVELS, np.tile(4.0 * LEVELS, (1, 2))
LOGARITHMS = np.random.default_rng(0).normal(1, 1, SIDES.shape)
OFFSETS = np.full(SIDES.shape, 0.5)
SIZE = np.array([160, 128])
BOXES = {
    "centres in px, logarithms": (CENTRES, LOGARITHMS, "too small for px and look like logar"),
    "sides of a million": (CENTRES, SIDES * 0 + 1e6, "420 are impossible as its sides, from 1e"),
    "sides below zero": (CENTRES, -SIDES, "of 420 boxes for a test picture 420 are impossible"),
    "corners": (CENTRES - SIDES / 2, CENTRES + SIDES / 2, r"look like corners in px \(x1, y1"),
    "small corners": (CENTRES - SIDES / 40, CENTRES + SIDES / 40, "look like corners in px"),
    "top left and sides": (CENTRES - SIDES / 2, SIDES, "look like top left corners and sides"),
    "0 to 1": (CENTRES / SIZE, SIDES / SIZE, "centres and sides as shares of the input, 0 to 1"),
    "0 to 1, corners": (
        (CENTRES - SIDES / 2) / SIZE, (CENTRES + SIDES / 2) / SIZE, "corners as shares of the"
    ),
    "offsets, sides in px": (OFFSETS, SIDES, "impossible as its sides, from 32 to 128, are taken"),
    "rows before columns": (CENTRES[:, ::-1], SIDES, "neither near their cells nor offsets"),
    "cells": (CENTRES / LEVELS, SIDES, "neither near their cells nor offsets"),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "words"), BOXES.values(), ids=BOXES)
def test_boxes_of_another_kind_are_told(tmp_path, first, second, words):
    rows = np.concatenate([first, second, np.full((420, 3), 0.5)], axis=1)[None]
    path = named(write_constant(tmp_path / "m.onnx", rows, inputs=[(1, 3, 128, 160)]))
    with pytest.raises(WeightsError, match=words) as raised:
        load(path)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (160, 128), (416, 416)])
def test_both_kinds_of_boxes_of_a_real_network_are_known(yolox_weights, size):
    """Of a plain area and of chance; decoded, and as they are."""
    width, height = size
    file = load(yolox_weights).network.file
    cells, strides = grid(height, width)
    for image in (
        np.full((height, width, 3), 114, np.uint8),
        np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8),
    ):
        rows = np.array(file.run(image, Preparation("bgr", 1.0))[0][0])
        assert not is_decoded(rows, yolox_weights, size)
        rows[:, :2] = (rows[:, :2] + cells) * strides
        rows[:, 2:4] = np.exp(rows[:, 2:4]) * strides
        assert is_decoded(rows, yolox_weights, size)
        rows[:, :4] /= np.tile(size, 2)
        with pytest.raises(WeightsError, match="shares of the input"):
            is_decoded(rows, yolox_weights, size)


def test_a_network_without_objectness_is_suspected_by_its_names(tmp_path):
    rows = np.concatenate([CENTRES, SIDES, np.full((420, 80), 0.5)], axis=1)[None]
    path = write_constant(tmp_path / "m.onnx", rows, inputs=[(1, 3, 128, 160)])
    with pytest.raises(
        WeightsError, match=r"has 79; .* no objectness column, .* 'convention: ultra"
    ):
        load(named(path, 80))
    with pytest.raises(WeightsError, match=r"names 81 classes, but the network has 79$"):
        load(named(path, 81))


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.BOOL])
def test_an_output_of_no_numbers_is_one_line(tmp_path, kind):
    node = onnx.helper.make_node("Cast", ["images"], ["out"], to=kind)
    path = save(
        tmp_path / "m.onnx", [node], [("images", TensorProto.FLOAT, (1, 3, 64, 96))],
        [("out", kind, None)], [],
    )  # fmt: skip
    with pytest.raises(WeightsError, match=r"no tensor of numbers but a (string|bool)") as raised:
        load(named(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([(1, 1, 64, 96)], "has 1 channels"),
        ([(1, 4, 64, 96)], "has 4 channels"),
        ([(4, 3, 64, 96)], "batches of 4 images"),
        ([(64, 96)], "has the shape"),
        ([(1, 3, 64, 96), (1, 2)], r"takes 2 inputs .*orig_target_sizes"),
        ([], "takes 0 inputs"),
        ([(1, 3, 100000, 100000)], "100000x100000 px; sides must be 32 px or more"),
        ([(1, 3, "H", 2**40)], "sides must be"),
        ([(1, 3, 4097, 4096)], "16777216 px in all or less"),
        ([(1, 3, 0, 0)], "0x0 px; sides must be 32"),
        ([(1, 3, 416, 16)], "16x416 px; sides must be 32"),
    ],
    ids=str,
)
def test_inputs_that_take_no_image_are_told(tmp_path, inputs, words):
    path = named(write_constant(tmp_path / "m.onnx", np.zeros((1, CELLS, 7)), inputs=inputs))
    with pytest.raises(WeightsError, match=words):
        load(path)


def test_a_file_whose_sides_are_free_by_name_only(tmp_path):
    """What was exported for one size, under the name of another."""
    path = write_constant(tmp_path / "m.onnx", np.zeros((1, CELLS, 7)), inputs=[(1, 3, "H", "W")])
    with pytest.raises(WeightsError, match=r"of 192x128 px it makes output0 \(1, 126, 7\)"):
        load(named(path))
    path = write_yolox(tmp_path / "decoded.onnx", sides=(64, 96), decoded=True)
    model = onnx.load(path)
    for dim, name in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], "HW", strict=True):
        dim.dim_param = name
    onnx.save(model, path)
    with pytest.raises(WeightsError, match="fails on an image of 192x128 px"):
        load(path)


def test_rows_that_are_not_finite_are_dropped_counted_and_spoil_no_others(tmp_path):
    rows = np.zeros((1, CELLS, 7), np.float32)
    rows[0, :5, 4:] = 0.9
    rows[0, :5, 0] = 0, np.nan, np.inf, 0, 0
    rows[0, :5, 2] = 1, 1, 1, 500, 60
    rows[0, 7, 4] = np.nan
    detector = load(named(write_constant(tmp_path / "model.onnx", rows)))
    found = detector.detect(np.zeros((64, 96, 3), np.uint8), DetectorSettings(96))
    assert len(found) == 1
    assert np.isfinite(found.boxes).all()
    assert detector.malformed_count == 5


def test_a_runtime_that_fails_is_one_error(model):
    """The file was good when it was loaded."""
    detector = load(model)
    with pytest.raises(InferenceError, match=r"yolox model\.onnx .* failed on 1 image"):
        detector.detect(np.zeros((64, 96), np.uint8), DetectorSettings(96))
