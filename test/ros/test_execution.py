"""The detector beside the frames, in the real node: switched live, hanging, failing, stopped."""

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.exceptions import ApproxPerceptionError
from test.ros.conftest import Camera
from test.ros.test_lifecycle import ACTIVATE, DEACTIVATE, change


@pytest.fixture
def slow(graph):
    """A file; while there is one, detections take long."""
    graph.variables["SLOW"] = str(graph.folder / "slow")
    return graph.folder / "slow"


def message(graph):
    return graph.diagnostics["message"]


def test_frames_go_on_whatever_becomes_of_the_detector(graph, slow):
    parameters = {"space": str(graph.folder / "space.yaml"), "precision": "float32"}
    node = graph.start(
        "test.ros.hanging_node", **parameters, calibration__width=64, calibration__height=48,
        diagnostics__max_acceptable_consecutive_delay_ms=500.0,
    )  # fmt: skip
    camera = Camera(graph)
    with camera.flowing(0.03):
        assert graph.wait(lambda: graph.frames, 60), node.last_words()
        graph.set(execution="pipelined")
        graph.forget()
        # Detections come back.
        age = "age of what came from beside (ms)"
        assert graph.wait(lambda: graph.diagnostics[age] not in ("?", ""), 20)
        slow.touch()
        assert graph.wait(lambda: "at work on one frame" in message(graph), 20)
        graph.forget()
        assert graph.wait(lambda: len(graph.frames) > 20, 20)
        with pytest.raises(ApproxPerceptionError, match="'pipelined' needs a tracker"):
            graph.set(policy="fixed")
        # A stop waits for nobody for ever, and a start for what has the network.
        assert change(graph, DEACTIVATE)
        graph.forget()
        assert not change(graph, ACTIVATE)
        assert "still under way" in node.last_words()
        graph.rest(0.3)
        assert not graph.frames
        slow.unlink()
        assert graph.wait(lambda: change(graph, ACTIVATE), 20)
        assert graph.wait(lambda: len(graph.frames) > 5, 20)
        slow.write_text("no memory")
        assert graph.wait(lambda: "failed beside the frames" in message(graph), 20)
        assert "no memory left" in message(graph)
        graph.forget()
        assert graph.wait(lambda: len(graph.frames) > 20, 20)
        graph.set(execution="sequential")
        assert graph.wait(lambda: "frame refused" in message(graph), 20)
        slow.unlink()
        graph.forget()
        assert graph.wait(lambda: len(graph.frames) > 5, 20)
    assert "Traceback" not in node.log
