"""Each convention beside a decoder that is written here from its description, box by box."""

import math

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx: make train")

from onnx import TensorProto

from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.detectors.onnx._rows import grid
from approx_perception.testing.contracts import DetectorContract
from test.detectors.onnx.models import IMAGE, SIZES, write_cells, write_network

#: Of an input of 96 x 64 px.
CELLS = 96 + 24 + 6
COLOUR = {"blue": 40, "green": 80, "red": 200}
NAMES = str({0: "cat", 1: "dog"})
ULTRALYTICS = {"names": NAMES, "stride": "32", "task": "detect"}


def imagenet(colour, index):
    mean, deviation = (0.485, 0.456, 0.406)[index], (0.229, 0.224, 0.225)[index]
    return (COLOUR[colour] / 255 - mean) / deviation


RED, BLUE, NORMAL_RED = COLOUR["red"] / 255, COLOUR["blue"], imagenet("red", 0)
NORMAL_BLUE = (40 - 103.53) / 57.375


def table(*shape, **rows):
    """Zeros but for rows ``{index: values}``."""
    result = np.zeros(shape, np.float32)
    for index, values in rows.items():
        result[0, int(index[1:])] = values
    return result


def corners(x, y, width, height):
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def shifted_expectation(rows, first_cell):
    """Mean bin of softmax, by hand."""
    sides = []
    for logits in np.reshape(rows, (4, 8)):
        weights = [math.exp(value) for value in logits]
        sides.append(sum(i * w for i, w in enumerate(weights)) / sum(weights))
    (column, row), stride = first_cell
    left, top, right, bottom = (side * stride for side in sides)
    x, y = column * stride, row * stride
    return x - left, y - top, x + right, y + bottom


def v8(scores=(0.1, 0.2)):
    """Row 17 is column 5, row 1 of stride 8: its centre is (44, 12)."""
    cells, strides = grid(64, 96)
    result = np.zeros((1, CELLS, 6), np.float32)
    result[0, :, :2] = (cells + 0.5) * strides
    result[0, :, 2:4] = 8
    result[0, 17] = 45, 13, 20, 10, *scores
    return result


def v5():
    levels = [grid(64, 96, (stride,)) for stride in (8, 16, 32)]
    centres = [np.tile((cells + 0.5) * strides, (3, 1)) for cells, strides in levels]
    result = np.zeros((1, 3 * CELLS, 7), np.float32)
    result[0, :, :2] = np.concatenate(centres)
    result[0, :, 2:4] = 8
    # Second anchor of that cell.
    result[0, 96 + 17] = 45, 13, 20, 10, 0.5, 0.1, 0.2
    return result


def nanodet():
    count = 96 + 24 + 6 + 2 * 1
    result = np.zeros((1, count, 2 + 32), np.float32)
    result[0, 96 + 7, 1] = 0.3
    result[0, 96 + 7, 2:] = LOGITS
    return result


LOGITS = np.random.default_rng(3).normal(0, 1, 32).astype(np.float32)
#: Queries of RF-DETR: logits of which the second query is strong in the class 1 and not weak in 0.
RF_BOXES = table(1, 5, 4, _1=(0.5, 0.25, 0.25, 0.5))
RF_LOGITS = np.full((1, 5, 2), -9, np.float32)
RF_LOGITS[0, 1] = -2, 0
SIGMOID = 1 / (1 + math.exp(2))
#: Name, network, and boxes in px of the input (96 x 64) with score and class, best first.
CASES = {
    "ultralytics": (
        {"output0": v8().transpose(0, 2, 1).copy()}, {"output0": ((0, 5, 17), 0.5)}, {},
        [(*corners(45, 13, 20, 10), 0.2 + 0.5 * RED, 1)],
    ),
    "ultralytics, transposed": (
        {"output0": v8()}, {"output0": ((0, 17, 5), 0.5)}, {"metadata": ULTRALYTICS},
        [(*corners(45, 13, 20, 10), 0.2 + 0.5 * RED, 1)],
    ),
    "yolov5": (
        {"output0": v5()}, {"output0": ((0, 113, 6), 0.5)}, {},
        [(*corners(45, 13, 20, 10), 0.5 * (0.2 + 0.5 * RED), 1)],
    ),
    "end_to_end": (
        {"output0": table(1, 10, 6, _3=(8, 16, 40, 48, 0.1, 1), _4=(8, 16, 40, 48, 0.3, 1))},
        {"output0": ((0, 3, 4), 0.5)}, {},
        [(8, 16, 40, 48, 0.1 + 0.5 * RED, 1), (8, 16, 40, 48, 0.3, 1)],
    ),
    "detr": (
        {
            "labels": table(1, 6, _2=1).astype(np.int64),
            "boxes": table(1, 6, 4, _2=(0.25, 0.5, 0.75, 1)), "scores": table(1, 6, _2=0.1),
        },
        {"scores": ((0, 2), 0.5)}, {"inputs": (IMAGE, SIZES), "sized": ("boxes",)},
        [(24, 32, 72, 64, 0.1 + 0.5 * RED, 1)],
    ),
    "rf_detr": (
        {"dets": RF_BOXES, "labels": RF_LOGITS}, {"labels": ((0, 1, 1), 0.5)}, {},
        [
            (*corners(48, 16, 24, 32), 1 / (1 + math.exp(-0.5 * NORMAL_RED)), 1),
            (*corners(48, 16, 24, 32), SIGMOID, 0),
        ],
    ),
    "transformers": (
        {"logits": RF_LOGITS, "pred_boxes": RF_BOXES}, {"logits": ((0, 1, 1), 0.5)}, {},
        [
            (*corners(48, 16, 24, 32), 1 / (1 + math.exp(-0.5 * RED)), 1),
            (*corners(48, 16, 24, 32), SIGMOID, 0),
        ],
    ),
    "rtmdet": (
        {"dets": table(1, 4, 5, _0=(8, 16, 40, 48, 0.9)), "labels": np.ones((1, 4), np.int64)},
        {"dets": ((0, 0, 4), 0.5)}, {}, [(8, 16, 40, 48, 0.9 + 0.5 * NORMAL_BLUE, 1)],
    ),
    "picodet": (
        {
            "multiclass": np.float32([[1, 0.1, 8, 16, 40, 48], [-1, 0.9, 0, 0, 9, 9]]),
            "count": np.int32([2]),
        },
        {"multiclass": ((0, 1), 0.25)},
        {"inputs": (IMAGE, ("scale_factor", TensorProto.FLOAT, (1, 2)))},
        [(8, 16, 40, 48, 0.1 + 0.25 * NORMAL_RED, 1)],
    ),
    "torchvision": (
        {
            "2": np.float32([[8, 16, 40, 48]]), "5": np.int64([2]), "9": np.float32([0.1]),
        },
        {"9": (0, 0.5)}, {"inputs": (("image", TensorProto.FLOAT, (3, 64, 96)),)},
        [(8, 16, 40, 48, 0.1 + 0.5 * RED, 1)],
    ),
    # The eighth of the second level: column 1, row 1 of stride 16.
    "nanodet": (
        {"output": nanodet()}, {"output": ((0, 103, 1), -0.2)}, {},
        [(*shifted_expectation(LOGITS, ((1, 1), 16)), 0.3 - 0.2 * NORMAL_BLUE, 1)],
    ),
    "yolox": (
        {"output": np.concatenate([v8()[..., :4], np.full((1, CELLS, 1), 0.5, np.float32),
                                   v8()[..., 4:]], axis=2)},
        {"output": ((0, 17, 6), 0.005)}, {},
        [(*corners(45, 13, 20, 10), 0.5 * (0.2 + 0.005 * BLUE), 1)],
    ),
}  # fmt: skip


def image(width, height):
    return np.full((height, width, 3), tuple(COLOUR.values()), np.uint8)


def load(path, tables, slots, more):
    path.with_name("the.names").write_text("cat\ndog\n")
    return load_detector(
        "onnx", DetectorOptions(str(write_network(path, tables, slots, **more)), device="cpu")
    )


@pytest.mark.parametrize("name", CASES)
def test_boxes_as_the_convention_describes_them(tmp_path, name):
    tables, slots, more, expected = CASES[name]
    detector = load(tmp_path / "m.onnx", tables, slots, more)
    assert detector.description.split()[0] == name.split(",")[0]
    found = detector.detect(image(192, 128), DetectorSettings(96))
    rows = np.array(expected)
    np.testing.assert_allclose(found.boxes, rows[:, :4] * 2, atol=1e-3)
    np.testing.assert_allclose(found.scores, rows[:, 4], rtol=1e-4)
    assert found.class_ids.tolist() == rows[:, 5].tolist()


@pytest.mark.parametrize("name", ["detr", "rf_detr", "transformers", "picodet"])
def test_stretched_images(tmp_path, name):
    """Of 240 x 320 px: 2.5 px of the image a px of the input along x, 5 along y."""
    tables, slots, more, expected = CASES[name]
    found = load(tmp_path / "m.onnx", tables, slots, more).detect(
        image(240, 320), DetectorSettings(96)
    )
    np.testing.assert_allclose(
        found.boxes[0], np.multiply(expected[0][:4], (2.5, 5) * 2), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "offset"), [("ultralytics", (24, 0)), ("end_to_end", (24, 0)), ("rtmdet", (0, 0))]
)
def test_where_the_image_is_in_its_letterbox(tmp_path, name, offset):
    """Of 96 x 128 px, scaled by a half: 48 x 64 in 96 x 64; Ultralytics puts it in the centre."""
    tables, slots, more, expected = CASES[name]
    slots = {key: (place, 0) for key, (place, _) in slots.items()}
    found = load(tmp_path / "m.onnx", tables, slots, more).detect(
        image(96, 128), DetectorSettings(96)
    )
    np.testing.assert_allclose(
        found.boxes[0], (np.array(expected[0][:4]) - np.array(offset * 2)) * 2, atol=1e-3
    )


@pytest.mark.parametrize(
    ("kind", "shape", "first"),
    [
        (TensorProto.FLOAT16, (1, 3, 64, 96), RED),
        (TensorProto.FLOAT, (1, 64, 96, 3), RED),
        (TensorProto.UINT8, (1, 64, 96, 3), COLOUR["red"] / 255),
        (TensorProto.UINT8, (1, 3, 64, 96), COLOUR["red"] / 255),
    ],
    ids=str,
)
def test_inputs_of_other_types_and_orders(tmp_path, kind, shape, first):
    """A network that takes bytes scales them itself."""
    tables, _, _, expected = CASES["end_to_end"]
    factor = 0.5 / 255 if kind == TensorProto.UINT8 else 0.5
    more = {"inputs": (("images", kind, shape),)}
    found = load(tmp_path / "m.onnx", tables, {"output0": ((0, 3, 4), factor)}, more).detect(
        image(192, 128), DetectorSettings(96)
    )
    np.testing.assert_allclose(found.scores[0], 0.1 + 0.5 * first, rtol=1e-3)
    np.testing.assert_allclose(found.boxes[0], np.array(expected[0][:4]) * 2, atol=1e-3)


def test_a_transposed_table_that_only_the_user_can_tell_from_yolox(tmp_path):
    tables, slots, _, expected = CASES["ultralytics, transposed"]
    path = tmp_path / "m.onnx"
    (tmp_path / "m.network.yaml").write_text("convention: ultralytics")
    found = load(path, tables, slots, {}).detect(image(192, 128), DetectorSettings(96))
    np.testing.assert_allclose(found.boxes, [np.array(expected[0][:4]) * 2], atol=1e-3)
    assert (found.scores[0], found.class_ids[0]) == (pytest.approx(expected[0][4], rel=1e-4), 1)


@pytest.mark.parametrize(
    ("kind", "words"),
    [(TensorProto.FLOAT, "RGB float32, pixel x 0.0039"), (TensorProto.UINT8, "uint8, pixels as ")],
)
def test_what_is_told_of_the_input(tmp_path, kind, words):
    tables, _, _, _ = CASES["end_to_end"]
    slots, more = {"output0": ((0, 3, 4), 0.001)}, {"inputs": (("images", kind, (1, 3, 64, 96)),)}
    assert words in load(tmp_path / "m.onnx", tables, slots, more).told()["image"]


#: Centres from columns and rows that begin at 1, sides of 2 and 3 cells, two classes.
V8_COLUMNS = [(-0.5, 1, 0), (-0.5, 0, 1), (2, 0, 0), (3, 0, 0), (0, 0, 0), (255 * 0.8, 0, 0)]


class TestFreeSides(DetectorContract):
    """A YOLOv8 that finds white cells, with free sides."""

    @pytest.fixture
    def detector(self, tmp_path):
        path = write_cells(
            tmp_path / "m.onnx", (8, 16, 32), V8_COLUMNS, scores=slice(4, 6), metadata=ULTRALYTICS
        )
        return load_detector("onnx", DetectorOptions(str(path)))

    @pytest.fixture
    def settings(self):
        return DetectorSettings(96), DetectorSettings(128)

    @pytest.mark.parametrize("shape", [64, 96, 128])
    def test_a_white_cell_is_found_at_every_shape(self, detector, shape):
        """Of 8 px in the input; the image is twice as large. Padding is above and below."""
        width, height = 2 * shape, shape
        picture = np.zeros((height, width, 3), np.uint8)
        picture[16:32, 32:48] = 255
        found = detector.detect(picture, DetectorSettings(shape))
        # Grey padding is less white.
        np.testing.assert_allclose(found.boxes[0], corners(40, 24, 32, 48), atol=1e-2)
        assert detector.input_px(shape, (width, height)) == shape * -(-shape // 64) * 32
