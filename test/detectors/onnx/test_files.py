"""What files say of themselves, what users say of them, and files that cannot be used."""

from importlib import resources

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: make train")

from onnx import TensorProto

from approx_perception.datasets import open_source
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.exceptions import ApproxPerceptionError, WeightsError
from test.conftest import real_data
from test.detectors.onnx.models import IMAGE, SIZES, with_metadata, write_cells, write_network
from test.detectors.onnx.test_conventions import (
    CASES,
    CELLS,
    COLOUR,
    ULTRALYTICS,
    V8_COLUMNS,
    image,
    v8,
)
from test.detectors.onnx_models import write_yolox

END_TO_END = CASES["end_to_end"][0]
CLASSIFIER = resources.files("approx_perception.weights") / "approxnet_slim_synthetic.onnx"


def load(path, names=None):
    return load_detector("onnx", DetectorOptions(str(path), names, "cpu"))


def write(path, tables=END_TO_END, **more):
    return write_network(path, tables, **more)


def test_a_classifier_names_its_task():
    with pytest.raises(WeightsError, match="is a classifier, for the task classification"):
        load(CLASSIFIER)


class TestNames:
    def test_of_the_metadata_before_those_beside_the_file(self, tmp_path):
        (tmp_path / "other.names").write_text("a\nb\n")
        assert load(write(tmp_path / "m.onnx", metadata=ULTRALYTICS)).class_names == ("cat", "dog")

    def test_of_the_user_before_all(self, tmp_path):
        path = write(tmp_path / "m.onnx", metadata=ULTRALYTICS)
        (tmp_path / "my.txt").write_text("bolt\nnut\n")
        (tmp_path / "m.network.yaml").write_text("class_names: [left, right]")
        assert load(path).class_names == ("left", "right")
        assert load(path, tmp_path / "my.txt").class_names == ("bolt", "nut")

    @pytest.mark.parametrize(
        ("case", "count", "first", "last"),
        [
            ("end_to_end", 80, "person", "toothbrush"),
            ("torchvision", 90, "person", "toothbrush"),
        ],
    )
    def test_of_coco_are_told(self, tmp_path, caplog, case, count, first, last):
        tables, slots, more, _ = CASES[case]
        names = load(write_network(tmp_path / "m.onnx", tables, slots, **more)).class_names
        assert (len(names), names[0], names[-1]) == (count, first, last)
        assert f"m.onnx does not name its classes: the {count} names of COCO" in caplog.text

    def test_of_coco_by_id_for_91_logits(self, tmp_path):
        tables = {
            "dets": np.full((1, 5, 4), 0.5, np.float32), "labels": np.zeros((1, 5, 91), np.float32)
        }  # fmt: skip
        names = load(write(tmp_path / "m.onnx", tables)).class_names
        assert (len(names), names[1], names[3], names[90]) == (91, "person", "car", "toothbrush")

    @pytest.mark.parametrize(
        ("names", "words"),
        [
            ("__import__('os').getcwd()", "are no Python dict"),
            ("{0: 'a', 2: 'b'}", r"not \{0: name"),
            ("[]", r"not \{0: name"),
            ("{0: 3}", r"not \{0: name"),
            ("(" * 9000, "are no Python dict"),
        ],
    )
    def test_in_metadata_that_are_none(self, tmp_path, names, words):
        path = write(tmp_path / "m.onnx", metadata={"names": names, "task": "detect"})
        with pytest.raises(WeightsError, match=words):
            load(path)

    @pytest.mark.parametrize("name", ["", " ", r"a\ud800", r"a\nb", r"\x1b[31m"])
    def test_that_cannot_be_drawn_or_written(self, tmp_path, name):
        names = f"{{0: 'cat', 1: '{name}'}}"
        path = write(tmp_path / "m.onnx", metadata={"names": names, "task": "detect"})
        with pytest.raises(WeightsError, match=r"class 1 of .* has the name .* which is no text"):
            load_detector("onnx", DetectorOptions(weights=str(path)))

    def test_that_are_too_few(self, tmp_path):
        tables = {"output0": v8().transpose(0, 2, 1).copy()}
        path = write(tmp_path / "m.onnx", tables, metadata={"names": "['a']", "task": "detect"})
        with pytest.raises(WeightsError, match="names 1 class, but the network has 2"):
            load(path)


class TestStated:
    def test_all_that_can_be_said(self, tmp_path):
        """A YOLOX file that wants another input: BGR, shares of white, stretched."""
        path = write(tmp_path / "m.onnx", slots={"output0": ((0, 3, 4), 0.5)})
        (tmp_path / "m.network.yaml").write_text(
            "convention: end_to_end\ncolour: bgr\nscale: 0.01\nmean: [0.1, 0, 0]\n"
            "deviation: [2, 1, 1]\nresize: stretch\nclass_names: [cat, dog]\n"
        )
        found = load(path).detect(image(96, 640), DetectorSettings(96))
        expected = 0.1 + 0.5 * (COLOUR["blue"] * 0.01 - 0.1) / 2
        assert found.scores[-1] == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(found.boxes[-1], [8, 160, 40, 480], rtol=1e-5)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("colours: rgb", "unknown key 'colours'; choose 'convention', 'colour'"),
            ("colour: red", "colour is 'red'"),
            ("convention: yolo", "no convention 'yolo'; choose 'detr'"),
            ("scale: 0", "scale is 0: Input should be greater than 0"),
            ("mean: [1, 2]", r"mean.* is \[1, 2\]"),
            ("deviation: [1, 0, 1]", "deviation.1 is 0"),
            ("padding: 300", "padding is 300"),
            ("size: [384]", "size.1 is"),
            ("size: [384, 8]", "size.1 is 8"),
            ("size: [96, 96]", "is for 96x96 px, but it was exported for 96x64 px"),
            ("class_names: []", r"class_names is \[\]"),
            ("[]", "is no network file"),
        ],
    )
    def test_what_cannot_be(self, tmp_path, text, words):
        path = write(tmp_path / "m.onnx")
        (tmp_path / "m.network.yaml").write_text(text)
        with pytest.raises(ApproxPerceptionError, match=words) as raised:
            load(path)
        assert "m.network.yaml" in str(raised.value)

    def test_one_size_of_free_sides(self, tmp_path):
        path = write_cells(
            tmp_path / "m.onnx", (8, 16, 32), V8_COLUMNS, scores=slice(4, 6), metadata=ULTRALYTICS
        )
        assert load(path).own_shapes((160, 224)) == (160, 224)
        (tmp_path / "m.network.yaml").write_text("size: [96, 64]")
        assert load(path).own_shapes((160, 224)) == (96,)

    def test_a_link_to_nowhere(self, tmp_path):
        path = write(tmp_path / "m.onnx")
        (tmp_path / "m.network.yaml").symlink_to("nowhere.yaml")
        with pytest.raises(ApproxPerceptionError, match=r"m\.network\.yaml is .*: No such file"):
            load(path)

    def test_a_convention_that_the_file_contradicts(self, tmp_path):
        path = write(tmp_path / "m.onnx")
        (tmp_path / "m.network.yaml").write_text("convention: rtmdet")
        with pytest.raises(
            WeightsError, match=r"it is rtmdet, which gives dets .* output0 \(1, 10"
        ):
            load(path)


def zeros(*shape):
    return np.zeros(shape, np.float32)


BROKEN = {
    "masks of Ultralytics": (
        {"output0": zeros(1, 38, CELLS), "output1": zeros(1, 32, 16, 24)}, {}, "masks beside boxes"
    ),
    "masks, as the file says": (
        END_TO_END, {"metadata": {"task": "segment"}}, "task is 'segment', so it gives masks"
    ),
    "masks of RF-DETR": (
        {"dets": zeros(1, 5, 4), "labels": zeros(1, 5, 2), "masks": zeros(1, 5, 16, 24)}, {},
        "masks beside boxes",
    ),
    "masks of torchvision": (
        {"b": zeros(2, 4), "l": np.int64([1, 2]), "s": zeros(2), "m": zeros(2, 1, 64, 96)}, {},
        "masks beside boxes",
    ),
    "masks of RTMDet": (
        {"dets": zeros(1, 4, 5), "labels": np.zeros((1, 4), np.int64), "masks": zeros(1, 4, 8, 12)},
        {}, "masks beside boxes",
    ),
    "masks of D-FINE": (
        {"labels": np.zeros((1, 6), np.int64), "boxes": zeros(1, 6, 4), "scores": zeros(1, 6),
         "pred": zeros(1, 6, 16, 24)}, {}, "masks beside boxes",
    ),
    "masks of YOLO26": ({"output0": zeros(1, 9, 38), "output1": zeros(1, 32, 16, 24)}, {},
                        "masks beside boxes"),
    "key points of a DETR": (
        {"pred_boxes": zeros(1, 6, 4), "logits": zeros(1, 6, 2), "pred_keypoints": zeros(1, 6, 51)},
        {}, "key points beside boxes",
    ),
    "angles": (
        {"boxes": zeros(6, 4), "scores": zeros(6), "labels": np.ones(6, np.int64),
         "angles": zeros(6)}, {}, "oriented boxes beside boxes",
    ),
    "oriented boxes": (
        {"output0": zeros(1, 20, CELLS)}, {"metadata": {"task": "obb"}}, "gives oriented boxes"
    ),
    "oriented boxes of mmdeploy": (
        {"dets": zeros(1, 5, 6), "labels": np.zeros((1, 5), np.int64)}, {}, "gives oriented boxes"
    ),
    "key points": (
        {"output0": zeros(1, 56, CELLS)}, {"metadata": {"task": "pose"}}, "gives key points"
    ),
    "heads": ({"output": zeros(1, 3, 8, 12, 7)}, {}, "heads before they are decoded"),
    "class scores": ({"output": zeros(1, 1000)}, {}, "looks like a classifier"),
    "a batch index": ({"output": zeros(20, 7)}, {}, "batch index in each row"),
    "logits for scores": (
        {"output0": v8((-3, 8)).transpose(0, 2, 1).copy()}, {}, "looks like ultralytics, but its sc"
    ),
    "centres elsewhere": (
        {"output0": 50 * v8((0, 0)).transpose(0, 2, 1)}, {}, "ultralytics, but its centres are not"
    ),
    "classes that are halves": (
        {"output0": np.full((1, 9, 6), 0.5, np.float32)}, {}, "no scores and whole numbers"
    ),
    "boxes of RF-DETR in px": (
        {"dets": np.full((1, 5, 4), 30, np.float32), "labels": zeros(1, 5, 2)}, {},
        "its dets are no shares of the input",
    ),
    "an input of no known meaning": (
        END_TO_END, {"inputs": (IMAGE, ("threshold", TensorProto.FLOAT, (1,)))}, "takes 2 inputs"
    ),
    "one number": ({"output": np.float32(3)}, {}, r"it makes output \(\)"),
}  # fmt: skip


@pytest.mark.parametrize(("tables", "more", "words"), BROKEN.values(), ids=BROKEN)
def test_files_that_cannot_be_used_are_told_in_a_sentence(tmp_path, tables, more, words):
    path = write(tmp_path / "model.onnx", tables, **more)
    with pytest.raises(WeightsError, match=words) as raised:
        load(path)
    text = str(raised.value)
    assert "model.onnx is no detector that can be used" in text
    assert "\n" not in text
    assert len(text) < 800


def test_what_is_not_recognised_is_described(tmp_path):
    path = write(tmp_path / "m.onnx", {"things": zeros(1, 7, 11)})
    with pytest.raises(WeightsError) as raised:
        load(path)
    text = str(raised.value)
    assert "takes images [1, 3, 64, 96] float32 and gives things [1, 7, 11]" in text
    assert "of 96x64 px it makes things (1, 7, 11)" in text
    assert "if it is 'detr'" in text
    assert "say so in m.network.yaml" in text


class TestFreedSides:
    def test_static_cells_get_other_shapes(self, tmp_path):
        path = write_cells(
            tmp_path / "m.onnx", (8, 16, 32), V8_COLUMNS, (64, 96), slice(4, 6), ULTRALYTICS
        )
        detector = load(path)
        assert detector.own_shapes((160, 224)) == (160, 224)
        picture = np.zeros((128, 256, 3), np.uint8)
        picture[16:32, 32:48] = 255
        np.testing.assert_allclose(
            detector.detect(picture, DetectorSettings(128)).boxes[0], [24, 0, 56, 48], atol=1e-2
        )

    @pytest.mark.parametrize(
        ("tables", "why"),
        [
            ({"output0": v8().transpose(0, 2, 1).copy()}, "64x64 px it gives 126 rows"),
            (END_TO_END, "does not show whether another size is right"),
        ],
    )
    def test_others_keep_one_shape_and_say_why(self, tmp_path, caplog, tables, why):
        detector = load(write(tmp_path / "m.onnx", tables, metadata=ULTRALYTICS))
        assert detector.own_shapes((160, 224)) == (96,)
        assert "m.onnx runs at 96x64 px only: " in caplog.text
        assert why in caplog.text

    def test_baked_grids_keep_one_shape(self, tmp_path):
        (tmp_path / "x.names").write_text("cat\ndog\n")
        detector = load(write_yolox(tmp_path / "x.onnx", sides=(64, 96), decoded=True))
        assert detector.own_shapes((160,)) == (96,)
        assert "its graph is of that size" in detector.network.why_one_shape

    def test_coarser_strides_bring_shapes_to_their_multiples(self, tmp_path):
        path = write_cells(
            tmp_path / "m.onnx", (8, 16, 32, 64), V8_COLUMNS, scores=slice(4, 6),
            metadata=ULTRALYTICS,
        )  # fmt: skip
        assert load(path).own_shapes((160, 224, 288)) == (192, 256, 320)

    def test_a_static_yolox_is_the_dynamic_one_again(self, tmp_path):
        """YOLOX-nano, made static at 416: the same boxes at all sides that the package offers."""
        weights = real_data("weights/yolox_nano_dyn.onnx")
        model = onnx.load(weights)
        for dimension in model.graph.input[0].type.tensor_type.shape.dim[2:]:
            dimension.dim_value = 416
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 3549
        static = tmp_path / "static.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model), static)
        dynamic, freed = load(weights), load(static)
        frame = next(iter(open_source(str(real_data("mot/PETS09-S3-MF1"))))).frame.image
        for side in (160, 224, 288, 352, 416, 512, 608):
            one, other = (each.detect(frame, DetectorSettings(side)) for each in (dynamic, freed))
            assert len(one) > 0
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.scores, other.scores)


def test_sizes_are_given_as_width_and_height(tmp_path):
    """Of an input that is not square; see also the case of the convention."""
    tables, slots, more, _ = CASES["detr"]
    assert more["inputs"][1] is SIZES
    found = load(write_network(tmp_path / "m.onnx", tables, slots, **more)).detect(
        image(96, 64), DetectorSettings(96)
    )
    np.testing.assert_allclose(found.boxes, [[24, 32, 72, 64]], atol=1e-3)


def test_rows_that_are_not_numbers_are_counted(tmp_path):
    rows = END_TO_END["output0"].copy()
    path = write(tmp_path / "m.onnx", {"output0": rows}, slots={"output0": ((0, 3, 0), np.nan)})
    detector = load(with_metadata(path, ULTRALYTICS))
    assert len(detector.detect(image(96, 64), DetectorSettings(96))) == 1
    assert detector.malformed_count == 1
