"""One worker at a time, and none that publishes after its end."""

import signal
import time
from unittest.mock import MagicMock

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import DetectionArray
from std_srvs.srv import Trigger

from approx_perception.branches import Branch
from approx_perception.clock import MonotonicClock
from approx_perception.ros import qos
from approx_perception.ros.camera import Camera as WorkingCamera
from approx_perception.ros.intake import WaitingImage
from approx_perception.ros.worker import Worker
from approx_perception.structures import SLA
from test.ros.conftest import Camera, wait_for_exit
from test.ros.test_lifecycle import (
    ACTIVATE,
    CLEANUP,
    CONFIGURE,
    DEACTIVATE,
    change,
    left_in,
    start,
)


@pytest.fixture
def slow(graph):
    """A file; while there is one, frames take long."""
    graph.variables["SLOW"] = str(graph.folder / "slow")
    return graph.folder / "slow"


def test_a_frame_under_way_is_never_published_later_nor_met_by_a_second_worker(graph, slow):
    node = start(graph, "test.ros.slow_node", autostart=True)
    heard = graph.hear(DetectionArray, "detections", qos.RESULTS)
    camera = Camera(graph)
    camera.send(camera.image())
    assert graph.wait(lambda: heard, 20)
    slow.write_text("no memory")
    camera.send(camera.image())
    # The thread lives on.
    assert graph.wait(lambda: "frame refused: MemoryError" in graph.diagnostics["message"], 20)
    slow.unlink()
    heard.clear()
    slow.touch()
    camera.send(camera.image())
    assert graph.wait(lambda: "a frame is under way" in graph.diagnostics["message"], 20)
    assert change(graph, DEACTIVATE)
    assert not change(graph, ACTIVATE)
    assert "activating failed: a frame that was taken before deactivating is still under way" in (
        node.last_words()
    )
    assert change(graph, CLEANUP)
    assert not change(graph, CONFIGURE)
    assert graph.wait(lambda: "still under way" in graph.diagnostics["message"], 20)
    slow.unlink()
    assert graph.wait(lambda: change(graph, CONFIGURE), 20)
    assert change(graph, ACTIVATE)
    assert not heard
    with camera.flowing():
        assert graph.wait(lambda: heard, 20)


def test_ten_recalibrations_are_one_and_parameters_wait_for_the_frame(graph, slow):
    node = start(graph, "test.ros.slow_node", autostart=True)
    camera = Camera(graph)
    camera.send(camera.image())
    assert graph.wait(lambda: graph.frames, 20)
    slow.touch()
    camera.send(camera.image())
    assert graph.wait(lambda: "a frame is under way" in graph.diagnostics["message"], 20)
    answers = [graph.call(Trigger, "perception_node/recalibrate") for _ in range(10)]
    assert all(answer.success for answer in answers)
    assert [answer.message for answer in answers[1:]] == ["already under way"] * 9
    for latency_ms in (40.0, 50.0, 60.0):
        graph.set(sla__latency_ms=latency_ms)
    slow.unlink()
    assert graph.wait(lambda: "recalibrated" in node.log, 30)
    with camera.flowing():
        assert graph.wait(lambda: graph.frames[-1].decision.sla_latency_ms == 60.0, 20)
    assert node.log.count("recalibrated") == 1
    assert graph.call(Trigger, "perception_node/recalibrate").message != "already under way"
    assert graph.wait(lambda: node.log.count("recalibrated") == 2, 30)
    slow.touch()
    camera.send(camera.image())
    assert graph.wait(lambda: "a frame is under way" in graph.diagnostics["message"], 20)
    present = len(left_in(graph))
    node.send(signal.SIGINT)
    assert wait_for_exit(node) == 0
    assert "Traceback" not in node.log
    graph.processes.clear()
    assert graph.wait(lambda: len(left_in(graph)) < present, 5), left_in(graph)


class TestThread:
    """The worker by itself, with cameras that are made up."""

    def camera(self, name, image=None):
        camera = MagicMock(sla=SLA(50.0))
        camera.name = name
        waiting = [] if image is None else [image]
        camera.intake.take.side_effect = lambda: waiting.pop() if waiting else None
        camera.intake.decode.return_value = (MagicMock(), False)
        return camera

    def work(self, cameras, group, job=None):
        """Run until something was told; what was refused, and what failed beside."""
        refused, failed = [], []
        worker = Worker(
            cameras, group, MonotonicClock(), lambda camera, *_: refused.append(camera.name),
            failed.append,
        )  # fmt: skip
        worker.start()
        if job is not None:
            worker.between_frames(job)
        deadline = time.monotonic() + 20
        while not (refused or failed) and time.monotonic() < deadline:
            time.sleep(0.01)
        worker.stop()
        return refused, failed

    def test_a_job_that_fails_refuses_no_frame(self):
        def job():
            raise MemoryError("of a job")

        cameras = [self.camera("front"), self.camera("rear")]
        refused, failed = self.work(cameras, MagicMock(), job)
        assert refused == []
        assert [str(error) for error in failed] == ["of a job"]
        assert not any(camera.health.failed.called for camera in cameras)

    def test_frames_that_failed_together_are_refused_and_no_others(self):
        cameras = [self.camera("front", WaitingImage(MagicMock(), 0, 0)), self.camera("rear")]
        group = MagicMock()
        group.process.side_effect = MemoryError
        assert self.work(cameras, group) == (["front"], [])
        assert not cameras[1].health.failed.called


def test_a_policy_that_is_set_again_goes_on_with_what_it_knows():
    camera = WorkingCamera.__new__(WorkingCamera)
    camera._policy, camera._network, camera.stream = None, MagicMock(), MagicMock()
    for name in ("fixed", "fixed", "fastest"):
        camera.use_policy(name, Branch(160))
    assert [call.args[0] for call in camera._network.policies.create.call_args_list] == [
        "fixed", "fastest",
    ]  # fmt: skip
