"""A network that gives nonsense, in a real node."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
pytest.importorskip("approx_perception.msg", reason="the messages are not installed")

from test.detectors.onnx_models import write_constant
from test.ros.conftest import Camera

SPACE = "name: one\nshape: [160]\nsi: [1]\n"


def test_nonsense_is_dropped_and_told_and_an_onnx_file_needs_no_detector(graph):
    """Of three objects in each image one is sound."""
    rows = np.zeros((1, 525, 7), np.float32)
    rows[0, [0, 9, 200], 4:] = 0.9
    rows[0, :10, 2] = 1.0
    rows[0, 0, 2], rows[0, 9, 0] = np.inf, np.nan
    write_constant(graph.folder / "model.onnx", rows, inputs=[(1, 3, 160, 160)])
    (graph.folder / "model.names").write_text("cat\ndog\n")
    (graph.folder / "one.yaml").write_text(SPACE)
    node = graph.start_perception(
        weights=str(graph.folder / "model.onnx"), space=str(graph.folder / "one.yaml")
    )
    assert "is an ONNX file: the detector onnx reads it" in node.log
    with Camera(graph).flowing():
        assert graph.wait(lambda: len(graph.frames) > 5)
        assert graph.wait(
            lambda: "detections that cannot be objects" in graph.diagnostics["message"], 20
        ), dict(graph.diagnostics)
    for frame in graph.frames:
        assert len(frame.output) == 1
        assert np.isfinite(frame.output.boxes).all()
    assert int(graph.diagnostics["malformed detections dropped"]) > 10
