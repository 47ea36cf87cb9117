"""`check`: what is said of networks that work, that look wrong, and of files that are broken."""

import json
import pickle
from importlib import resources

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: make train")

from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from approx_perception.assembly import KernelOptions
from approx_perception.checking import check_network
from approx_perception.checking.tasks.detection import DetectionCheck
from approx_perception.cli.main import app
from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.exceptions import WeightsError
from approx_perception.reports.output_folder import fresh_folder
from approx_perception.structures import Detections, Frame
from test.detectors.onnx.models import write_cells, write_network
from test.detectors.onnx.test_conventions import CASES, ULTRALYTICS, V8_COLUMNS, v8
from test.detectors.onnx_models import save, write_constant, write_yolox

SHIPPED = resources.files("approx_perception.weights")


def call(*arguments):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


@pytest.fixture
def picture(tmp_path):
    """A white square on black."""
    path, image = tmp_path / "image.png", np.zeros((128, 192, 3), np.uint8)
    image[32:64, 64:96] = 255
    cv2.imwrite(str(path), image)
    return path


@pytest.fixture
def network(tmp_path):
    """It sees nothing in the padding, which is grey by its convention."""
    (tmp_path / "net.network.yaml").write_text("padding: 0")
    return write_cells(
        tmp_path / "net.onnx", (8, 16, 32), V8_COLUMNS, scores=slice(4, 6), metadata=ULTRALYTICS
    )


class TestNetworksThatWork:
    def test_all_that_is_known(self, tmp_path, network, picture):
        result = check_network([KernelOptions(weights=str(network))], str(picture), tmp_path)
        assert result.told["recognised as"].startswith("ultralytics: (1, 4 + classes, cells)")
        assert "it makes output (1, 6, 504)" in result.told["because"]
        assert "task: 'detect'" in result.told["metadata"]
        assert result.told["image"].startswith("RGB float32, pixel x 0.003922, letterbox, centre")
        assert result.told["image"].endswith("padding 0")
        assert result.told["stated in"] == "net.network.yaml"
        assert result.told["sides"] == "free, as exported, in multiples of 32 px"
        assert result.class_names == ("cat", "dog")
        assert [each.name for each in result.settings] == [
            f"shape={side}" for side in (160, 224, 288, 352, 416, 512, 608)
        ]
        for each in result.settings:
            assert 0 < each.median_ms <= each.p95_ms
            assert "dog" in each.found
        assert result.memory_mb["file"] == pytest.approx(network.stat().st_size / 1e6)
        assert not result.warnings
        drawn = cv2.imread(str(tmp_path / "check.png"))
        assert drawn.shape == (128, 192, 3)
        assert (drawn != cv2.imread(str(picture))).any()

    @pytest.mark.parametrize(
        ("tables", "sides"),
        [
            (None, "freed: exported for 96x64 px"),
            ({"output0": v8().transpose(0, 2, 1).copy()}, "96x64 px only: "),
        ],
    )
    def test_sides_that_were_static(self, tmp_path, picture, tables, sides):
        path = tmp_path / "net.onnx"
        if tables is None:
            write_cells(path, (8, 16, 32), V8_COLUMNS, (64, 96), slice(4, 6), ULTRALYTICS)
        else:
            write_network(path, tables, metadata=ULTRALYTICS)
        result = check_network([KernelOptions(weights=str(path))], str(picture), tmp_path)
        assert result.told["sides"].startswith(sides)

    def test_a_yolox_says_how_its_boxes_are_written(self, tmp_path):
        (tmp_path / "x.names").write_text("cat\ndog\n")
        write_yolox(tmp_path / "x.onnx")
        result = check_network([KernelOptions(weights=str(tmp_path / "x.onnx"))], "", tmp_path)
        assert result.told["recognised as"].endswith(
            "here boxes are offsets and logarithms in cells"
        )

    def test_the_command(self, tmp_path, network, picture):
        out = tmp_path / "out"
        for _ in range(2):  # a second check replaces the first
            result = call(network, picture, "--out", out, "--json")
            assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told == json.loads((out / "check.json").read_text())
        assert (told["task"], told["class_names"]) == ("detection", ["cat", "dog"])
        assert (out / "check.png").exists()
        words = " ".join(result.stderr.split())
        assert "recognised as" in words
        assert "no IMAGE" not in words

    def test_an_image_that_is_not_there_is_told_first(self, tmp_path):
        result = call("nowhere.onnx", tmp_path / "nothing.png", "--out", tmp_path / "out")
        assert result.exit_code == 1
        assert "nothing.png" in result.stderr
        assert not (tmp_path / "out").exists()

    def test_it_replaces_no_result_of_others(self, tmp_path, network):
        out = tmp_path / "out"
        with fresh_folder(out, overwrite=False) as folder:
            (folder / "frames.csv").write_text("of a run\n")
        result = call(network, "--out", out)
        assert result.exit_code == 1
        assert "exists; choose another --out or add --overwrite" in result.stderr

    def test_an_exported_faster_rcnn(self):
        options = DetectorOptions(precision="float32", runtime="onnxruntime")
        told = load_detector("faster_rcnn", options).told()
        assert told["recognised as"].startswith("faster_rcnn")
        assert told["because"] == "its metadata say so"
        assert "strides (8, 16, 32) px" in told["sides"]

    def test_a_classifier_is_found_to_be_one(self, tmp_path):
        weights = SHIPPED / "approxnet_slim_synthetic.onnx"
        result = call(weights, "--out", tmp_path / "out", "--json")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told["task"] == "classification"
        assert told["told"]["recognised as"].startswith("approxnet")
        assert "no IMAGE is named" in result.stderr

    def test_a_classifier_that_is_called_a_detector(self, tmp_path):
        weights = SHIPPED / "approxnet_slim_synthetic.onnx"
        result = call(weights, "--out", tmp_path / "out", "--task", "detection")
        assert result.exit_code == 1
        assert "is a classifier, for the task classification" in result.stderr


def found(boxes, scores=None):
    count = len(boxes)
    scores = np.linspace(0.4, 0.9, count) if scores is None else scores
    return Detections.from_arrays(boxes, scores, np.zeros(count, np.int64))


def grid_of(count, start=0.0, size=10.0):
    corners = start + 12.0 * np.arange(count)[:, None] * [1, 0.5]
    return np.concatenate([corners, corners + size], axis=1)


class TestNonsense:
    """What a wrong convention, size or colour looks like."""

    @pytest.mark.parametrize(
        ("output", "words"),
        [
            (found(grid_of(5, start=500)), "most boxes lie outside the image"),
            (found(grid_of(12), np.full(12, 0.5)), "all scores are alike"),
            (found(np.tile([10, 10, 50, 50], (4, 1))), "all boxes are one"),
            (found(grid_of(5) / 10), "most boxes are as good as points"),
            (found([[0, 0, 200 + i, 100 + i] for i in range(4)]), "most boxes cover all"),
            (found(grid_of(5), np.full(5, 0.2)), "the best has 0.20"),
            (found(np.zeros((0, 4))), "the best has 0.00"),
        ],
    )
    def test_is_told(self, output, words):
        frame = Frame(np.zeros((100, 200, 3), np.uint8), 0, "", 0)
        (warning,) = DetectionCheck().warnings([output], frame, is_real=True)
        assert words in warning

    @pytest.mark.parametrize(
        "output",
        [found(grid_of(8)), found(grid_of(2, start=500)), found([[0, 0, 200, 100]])],
        ids=["many", "few outside", "one that covers all"],
    )
    def test_others_are_fine(self, output):
        frame = Frame(np.zeros((100, 200, 3), np.uint8), 0, "", 0)
        assert not DetectionCheck().warnings([output], frame, is_real=True)

    def test_nothing_in_a_synthetic_image_is_no_warning(self):
        frame = Frame(np.zeros((100, 200, 3), np.uint8), 0, "", 0)
        assert not DetectionCheck().warnings([found(np.zeros((0, 4)))], frame, is_real=False)

    def test_exit_code_is_3(self, tmp_path, picture):
        """Boxes of another size than the file says: ten times too far to the right."""
        rows = CASES["end_to_end"][0]["output0"].copy()
        rows[0, :6] = [[900 + i, 20, 940 + i, 48, 0.5 + i / 100, 1] for i in range(6)]
        path = write_network(tmp_path / "m.onnx", {"output0": rows}, metadata=ULTRALYTICS)
        result = call(path, picture, "--out", tmp_path / "out")
        assert result.exit_code == 3, result.output
        assert "warning: most boxes lie outside the image (at 1 of 1 settings)" in " ".join(
            result.stderr.split()
        )

    def test_malformed_rows_are_a_warning(self, tmp_path, picture):
        rows = CASES["end_to_end"][0]["output0"].copy()
        rows[0, 5] = 40, 40, 8, 8, 0.9, 0
        path = write_network(tmp_path / "m.onnx", {"output0": rows}, metadata=ULTRALYTICS)
        result = call(path, picture, "--out", tmp_path / "out")
        assert result.exit_code == 3
        assert "cannot be objects" in result.stderr


def edited(path, change):
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def of_dynamic_rank(path):
    """Its input has no shape at all."""
    write_yolox(path)
    edited(path, lambda model: model.graph.input[0].type.tensor_type.ClearField("shape"))


def with_unknown_operator(path):
    node = helper.make_node("Frobnicate", ["images"], ["output"])
    save(path, [node], [("images", 1, [1, 3, 64, 64])], [("output", 1, [1, 84, 7])], [])


def without_outputs(path):
    write_yolox(path)
    edited(path, lambda model: model.graph.ClearField("output"))


def without_its_data(path):
    write_yolox(path)
    model = onnx.load(path)
    tensor = next(t for t in model.graph.initializer if t.name == "where8_w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "weights.bin", "offset": "0", "length": "3072"}.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


def with_nan_weights(path):
    write_yolox(path)

    def spoil(model):
        for tensor in model.graph.initializer:
            if tensor.name.endswith("_b"):
                values = np.full_like(numpy_helper.to_array(tensor), np.nan)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    edited(path, spoil)


def claiming_much(path):
    """A tensor of 4 TB of which the file has nothing."""
    write_yolox(path)
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("dims")
    tensor.dims.extend([10**6, 10**6])
    path.write_bytes(model.SerializeToString())


def of_huge_sides(path):
    write_yolox(path, sides=(100_000, 100_000))


def cut(path):
    write_yolox(path)
    path.write_bytes(path.read_bytes()[:-500])


def of_one_size_only(path):
    """Sides are free by its input, but it multiplies with a table of 64 x 64."""
    constants = [numpy_helper.from_array(np.zeros((1, 1, 64, 64), np.float32), "table")]
    node = helper.make_node("Mul", ["images", "table"], ["output"])
    images = ("images", TensorProto.FLOAT, [1, 3, "H", "W"])
    save(path, [node], [images], [("output", TensorProto.FLOAT, [1, 3, "H", "W"])], constants)


def two_images(path):
    write_constant(path, np.zeros((1, 84, 7)), inputs=((1, 3, 64, 64), (1, 3, 64, 64)))


BROKEN = {
    "empty": (lambda path: path.write_bytes(b""), "is no ONNX file: it is empty"),
    "text": (lambda path: path.write_text("weights: none\n"), "it is text"),
    "a web page": (lambda path: path.write_text("\n<!DOCTYPE html><p>"), "it is a web page"),
    "of Git LFS": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "it is a pointer of Git LFS",
    ),
    "pickled": (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "it is a Python pickle"),
    "a ZIP archive": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(99)), "a ZIP archive"),
    "noise": (lambda path: path.write_bytes(bytes(range(7, 256))), "reads: 'Protobuf parsing"),
    "cut": (cut, "reads: 'Protobuf parsing"),
    "huge claims": (claiming_much, "declares a size of 4000000000000 bytes"),
    "unknown operator": (with_unknown_operator, "Frobnicate"),
    "no outputs": (without_outputs, "it has no outputs"),
    "external data missing": (without_its_data, "weights.bin"),
    "nan weights": (with_nan_weights, "not finite"),
    "dynamic rank": (of_dynamic_rank, "does not say how many dimensions"),
    "huge sides": (of_huge_sides, "100000x100000 px"),
    "one size only": (of_one_size_only, "write it into broken.network.yaml, as 'size: [640, 640]'"),
    "two images": (two_images, "takes 2 inputs"),
    "a folder": (lambda path: path.mkdir(), "it is a folder"),
    "absent": (lambda path: None, "there is no weights file"),
}


@pytest.mark.parametrize(("write", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_sentence(tmp_path, write, words):
    path = tmp_path / "broken.onnx"
    (tmp_path / "broken.names").write_text("cat\ndog\n")
    write(path)
    with pytest.raises(WeightsError) as raised:
        check_network([KernelOptions(weights=str(path), task="detection")], "", tmp_path)
    text = str(raised.value)
    assert words in text
    assert "broken.onnx" in text
    assert "\n" not in text
    assert len(text) < 800
