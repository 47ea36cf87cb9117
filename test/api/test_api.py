"""The Python API, as docs/python.md shows it and where it is used wrongly."""

import inspect
import re
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

import approx_perception
from approx_perception.assembly import load_space
from approx_perception.datasets import open_source
from approx_perception.exceptions import (
    ApproxPerceptionError,
    ConfigurationError,
    InferenceError,
)
from approx_perception.interface import CLASSIFICATION_PARAMETERS, PERCEPTION_PARAMETERS
from approx_perception.structures import SLA
from test.datasets.cameras.mjpeg_server import endless, serving
from test.detectors.onnx_models import write_yolox

FRAMES = 6
SPACE = "name: two\nshape: [64, 96]\nsi: [2]\ntrackers:\n  - {name: median_flow, ds: 1}\n"


def images():
    """A white cell that the network finds, on noise that a tracker can hold on to."""
    noise = np.random.default_rng(0).integers(0, 40, (96, 96, 3), np.uint8)
    for step in range(FRAMES):
        image = noise.copy()
        image[32:48, 32 + step : 48 + step] = 255
        yield image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the blocks of the page name: a video and a network."""
    path = tmp_path_factory.mktemp("api")
    write_yolox(path / "yolox_nano.onnx")
    (path / "yolox_nano.names").write_text("cat\ndog\n")
    (path / "space.yaml").write_text(SPACE)
    writer = cv2.VideoWriter(str(path / "video.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, (96, 96))
    for image in images():
        writer.write(image)
    writer.release()
    return path


@pytest.fixture(scope="module")
def options(folder):
    return {
        "detector": "yolox", "weights": folder / "yolox_nano.onnx", "sla_ms": 1000,
        "space": folder / "space.yaml", "image_size": (96, 96), "threads": 1,
    }  # fmt: skip


@pytest.fixture(scope="module")
def perception(options):
    with approx_perception.open(**options) as opened:
        yield opened


def test_importing_the_package_is_light(root):
    program = (
        "import sys, approx_perception; approx_perception.__version__; "
        "print([n for n in ('numpy', 'cv2', 'torch') if n in sys.modules], "
        "approx_perception.open.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] open\n"


def test_the_page_runs_as_it_is_written(root, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    page = (root / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 4
    namespace = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), namespace)
    said = capsys.readouterr().out
    assert said.count(" ms [") == FRAMES
    # Not in all: a busy machine may take a branch that loses the cell.
    assert " ms ['" in said
    assert said.splitlines()[-1] in page
    assert (folder / "annotated.jpg").exists()


def test_options_are_those_of_the_node():
    parameters = {
        parameter.word: parameter.default
        for parameter in (*CLASSIFICATION_PARAMETERS, *PERCEPTION_PARAMETERS)
    }
    for name, option in inspect.signature(approx_perception.open).parameters.items():
        if name not in ("task", "policy", "image_size"):
            assert option.default == parameters[name], name


def test_a_source_and_its_images_give_the_same(perception, folder):
    followed = [len(result.names) for result in perception.follow(folder / "video.mp4")]
    source = open_source(str(folder / "video.mp4"))
    fed = [len(result.names) for result in perception.follow(entry.frame.image for entry in source)]
    assert followed == fed
    assert len(fed) == FRAMES
    assert min(fed) > 0


@pytest.mark.parametrize("bad", [None, np.zeros((96, 96, 3))])
def test_a_bad_image_of_many_is_left_out_and_told(perception, bad, caplog):
    fed = list(images())
    fed[2] = bad
    for given in (fed, iter(fed)):
        assert [result.sequence for result in perception.follow(given)] == [0, 1, 3, 4, 5]
        assert "1 of 6 frames failed and are left out, the last so: " in caplog.text
        caplog.clear()
    with pytest.raises(InferenceError, match="every frame failed"):
        list(perception.follow([bad]))


def test_each_follow_is_a_stream_of_its_own(perception):
    seen = list(images())
    perception.process(seen[0])
    runs = [list(perception.follow(seen, frames=count)) for count in (np.int64(4), 4)]
    for results in runs:
        assert [result.sequence for result in results] == [0, 1, 2, 3]
        assert results[0].decision.starts_group
        assert results[0].detections.track_ids.max() == -1
        assert results[-1].detections.track_ids.max() >= 0


def test_results_tell_what_was_fed_and_what_ran(perception, options):
    perception.reset()
    results = [
        perception.process(image, stamp_ns=100 + number) for number, image in enumerate(images())
    ]
    assert [result.stamp_ns for result in results] == [100 + n for n in range(FRAMES)]
    assert set(results[-1].names) == {"dog"}
    assert results[-1].detections.track_ids.max() >= 0
    assert results[-1].branch in perception.branches
    assert 0 < results[-1].processing_ms <= 1000
    assert not results[-1].is_late
    assert results[-1].annotated().shape == (96, 96, 3)
    assert len(load_space(str(options["space"]), "onnx")) == len(perception.branches)


def test_any_view_of_an_image_will_do(perception):
    image = next(images())
    for view in (image[:, ::-1], image[..., ::-1], image[::2], np.asfortranarray(image)):
        assert perception.process(view).image.shape == view.shape


def test_the_sla_counts_from_the_next_image_on(perception):
    perception.sla_ms = 500
    assert perception.process(next(images())).sla == SLA(500.0)
    perception.sla = SLA(20, 0.5, "gof")
    assert perception.process(next(images())).sla == SLA(20, 0.5, "gof")
    perception.sla_ms = 5000
    assert perception.process(next(images())).sla == SLA(5000, 0.5, "gof")
    perception.sla_ms = np.float32(1000)
    assert perception.sla == SLA(1000, 0.5, "gof")


def test_a_camera_by_its_number_and_address(perception):
    with pytest.raises(ApproxPerceptionError, match="the camera 'camera:99' cannot be used: "):
        perception.follow(99)
    with serving(endless) as address:
        results = list(perception.follow(address, frames=3))
    assert [result.sequence for result in results] == sorted({r.sequence for r in results})
    assert len(results) == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"detector": "yolo"}, "detector is 'yolo'; choose 'faster_rcnn'"),
        ({"sla_ms": "20"}, "sla_ms is '20'; it must be a number"),
        ({"sla_ms": -1}, "the SLA is -1.0 ms; it must be a finite number above 0"),
        ({"sla_ms": float("nan")}, "the SLA is nan ms"),
        ({"sla_ms": 10**400}, "it must be a number"),
        ({"sla_quantile": 1}, "the SLA's quantile is 1.0; it must lie between 0 and 1"),
        ({"sla_scope": "week"}, "sla_scope is 'week'; choose 'frame' or 'gof'"),
        ({"policy": "best"}, "policy is 'best'; choose"),
        ({"task": "ponder"}, "there is no task 'ponder'; choose 'detection' or 'classification'"),
        ({"top_k": 3}, "top_k is 3, but has no meaning for detection"),
        ({"policy": "fastest", "sla_accuracy": 0.6}, "the accuracy 0.6 is asked for, which"),
        ({"branch": 5.0}, "branch is 5.0; it must be a text"),
        ({"threads": 1.5}, "threads is 1.5; it must be a whole number"),
        ({"weights": None}, "weights has no value; it must be a text"),
        ({"weights": "nowhere.onnx"}, "there is no weights file 'nowhere.onnx'"),
        ({"profile": "nowhere.json"}, "nowhere.json"),
        ({"image_size": 640}, "image_size is 640; it must be width and height in px"),
        ({"image_size": (640, 0)}, "height is 0; it must be from 32"),
    ],
)
def test_wrong_options_get_one_sentence(options, wrong, sentence):
    with pytest.raises(ApproxPerceptionError) as error:
        approx_perception.open(**{**options, **wrong})
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ([[1, 2]], "the image is of type list, expected a NumPy array"),
        (None, "the image is of type NoneType"),
        (np.zeros((96, 96), np.uint8), r"shape (96, 96) and type uint8, expected (H, W, 3) uint8"),
        (np.zeros((96, 96, 3)), "type float64, expected"),
        (np.zeros((0, 96, 3), np.uint8), "image is empty"),
    ],
)
def test_wrong_images_get_one_sentence(perception, image, sentence):
    with pytest.raises(ApproxPerceptionError) as error:
        perception.process(image)
    assert sentence in str(error.value)


def test_wrong_calls_get_one_sentence(perception):
    for call, sentence in (
        (lambda: perception.process(next(images()), stamp_ns=0.5), "stamp_ns is 0.5"),
        (lambda: perception.follow("nowhere.mp4"), "there is no source 'nowhere.mp4'"),
        (lambda: perception.follow(None), "the source is None; give a path"),
        (lambda: perception.follow("video.mp4", frames=0), "frames is 0"),
        (lambda: perception.follow([], frames=True), "frames is True"),
        (lambda: setattr(perception, "sla_ms", "fast"), "sla_ms is 'fast'; it must be a number"),
        (lambda: setattr(perception, "sla", 20), "the SLA is 20; give an SLA, or set sla_ms"),
    ):
        with pytest.raises(ApproxPerceptionError) as error:
            call()
        assert sentence in str(error.value)


def test_one_thread_at_a_time(perception):
    def refused():
        with pytest.raises(ConfigurationError, match="another thread is processing an image"):
            perception.process(next(images()))
        told.append(True)

    told = []
    with perception._busy:
        thread = threading.Thread(target=refused)
        thread.start()
        thread.join(timeout=30)
    assert told
    assert perception.process(next(images())).names


def test_what_is_closed_says_so(options):
    with approx_perception.open(**options) as perception:
        pass
    with pytest.raises(ConfigurationError, match="is closed; open another one"):
        perception.process(next(images()))


def test_what_was_dropped_is_told(options, caplog):
    with approx_perception.open(**options) as perception:
        perception._kernel.detector.malformed_count = 3
    assert "3 detections of yolox" in caplog.text


def test_a_classifier_tells_its_likeliest_classes():
    with approx_perception.open(task="classification", sla_ms=5000, top_k=3) as classifier:
        assert len(classifier.branches) > 20
        (result,) = classifier.follow("synthetic:object_easy", frames=1)
        assert result.names == [classifier.class_names[own] for own in result.classes]
        assert len(result.scores) == 3
        assert (result.annotated() != result.image).any()
        assert list(result.scores) == sorted(result.scores, reverse=True)
        with pytest.raises(ConfigurationError, match="no detections in a classification"):
            _ = result.detections
        with pytest.raises(ConfigurationError, match="'least_latency' alone heeds"):
            classifier.sla = SLA(50.0, accuracy=0.8)
