"""Networks that users name, misname, or that give nonsense: what commands say."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from approx_perception.assembly import KernelOptions
from approx_perception.assembly.tasks.detection import DetectionTask
from approx_perception.cli.main import app
from test.detectors.onnx_models import write_constant, write_yolox


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def source():
    return "synthetic:calm"


def named(path):
    (path.parent / "model.names").write_text("cat\ndog\n")
    return path


@pytest.mark.parametrize("name", ["yolo", "YOLOX", "faster-rcnn", "x" * 5000])
@pytest.mark.parametrize("verb", ["run", "evaluate"])
def test_a_misspelt_detector_is_told_so(tmp_path, source, verb, name):
    result = call(verb, source, "--detector", name, "--frames", 2, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"there is no detector '{name[:20]}" in result.output
    assert "choose 'faster_rcnn', 'onnx', 'ssdlite' or 'yolox'" in " ".join(result.output.split())
    assert "branch space" not in result.output
    assert len(result.output) < 2000


def test_an_onnx_file_is_of_its_family_unless_another_family_is_named(tmp_path, source):
    path, family = named(write_yolox(tmp_path / "MODEL.ONNX")), DetectionTask().family
    assert family(KernelOptions(weights=str(path))) == "onnx"
    assert family(KernelOptions(detector="yolox", weights="any.onnx")) == "onnx"
    assert family(KernelOptions(weights="other.pt")) == "faster_rcnn"
    assert family(KernelOptions(weights="yolox_nano, yolox_s")) == "onnx"
    assert family(KernelOptions(weights="yolox_nano,any.onnx")) == "onnx"
    assert family(KernelOptions(detector="ssdlite", weights=str(path))) == "ssdlite"
    out = tmp_path / "out"
    result = call("run", source, "--weights", path, "--branch", "shape=160", "--frames", 2,
                  "--out", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "is an ONNX file: the detector onnx reads it" in result.output
    assert "detector: onnx" in (out / "config.yaml").read_text()


def test_a_file_that_is_not_there_is_taken_for_nothing():
    assert not DetectionTask().note(KernelOptions(weights="nope.onnx"))


def test_what_was_dropped_is_told_at_the_end(tmp_path, source):
    cells = 20 * 20 + 10 * 10 + 5 * 5
    rows = np.zeros((1, cells, 7), np.float32)
    rows[0, :3, 4:] = 0.9
    rows[0, :2, 2] = np.nan, np.inf
    path = named(write_constant(tmp_path / "model.onnx", rows, inputs=[(1, 3, 160, 160)]))
    options = ["--weights", path, "--branch", "shape=160", "--frames", 3]
    result = call("run", source, *options, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    # Preheating drops some as well.
    assert (
        "detections of yolox model.onnx in onnxruntime on cpu, float32 were dropped"
        in result.output
    )
    assert "nan" not in (tmp_path / "run" / "detections.txt").read_text()
    result = call("evaluate", source, "--policy", "fixed", *options, "--out", tmp_path / "evaluate")
    assert result.exit_code == 0, result.output
    assert "detections of the network of fixed were dropped" in result.output
    content = json.loads((tmp_path / "evaluate" / "result.json").read_text())
    assert content["systems"]["fixed"]["malformed_detections"] >= 6
