"""The classification node as a robot would run it; what both nodes share is tested elsewhere."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import Detection, DetectionArray, SystemLoad
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from std_srvs.srv import Trigger

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.ros import qos
from approx_perception.ros.ecosystem import message_class
from test.conftest import ROOT
from test.ros.conftest import Camera, Graph, claim_domain

NODE = "/classification_node"
#: Small and quick to measure.
WEIGHTS = ROOT / "approx_perception" / "weights" / "approxnet_slim_synthetic.onnx"
TABLE = {
    "origin": "this test", "task": "classification", "frames": [50] * 7,
    "top1": {"shape=80,exit=1": [0.4] * 7, "shape=80,exit=4": [0.6] * 7,
             "shape=160,exit=6": [0.8] * 7},
}  # fmt: skip
SPACE = "name: test\npairs:\n  - {shape: 80, exit: [1, 4]}\n  - {shape: 160, exit: [6]}\n"


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """One node that all tests share: it classifies objects of a topic where there are any."""
    graph = Graph(tmp_path_factory.mktemp("graph"), claim_domain(), "classification")
    (graph.folder / "space.yaml").write_text(SPACE)
    # With a table of accuracy, whichever ships.
    shutil.copy(WEIGHTS, graph.folder / "net.onnx")
    (graph.folder / "net.accuracy.json").write_text(json.dumps(TABLE))
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def whole_images(graph):
    node = graph.start(
        "classification_node", space=str(graph.folder / "space.yaml"), sla__latency_ms=500.0,
        weights=str(graph.folder / "net.onnx"), num_threads=1, region="0.25,0,0.75,1",
    )  # fmt: skip
    assert graph.wait(lambda: graph.recorder.is_ready), node.last_words()
    player = graph.start("player_node", source="synthetic:object_mixed", loop=True)
    assert graph.wait(lambda: len(graph.frames) > 5), node.last_words()
    yield node
    for process in (player, node):
        graph.processes.remove(process)
        assert process.stop() == 0
        assert "Traceback" not in process.log


def next_frame(graph, done, timeout_s=30):
    """A frame that was not there yet, for which something holds."""
    known = len(graph.frames)
    assert graph.wait(lambda: any(done(f) for f in graph.frames[known:]), timeout_s)
    return next(f for f in graph.frames[known:] if done(f))


def test_images_in_classes_and_decisions_out(graph, whole_images):
    frame = graph.frames[-1]
    assert frame.output.class_ids.shape == (1, 5)
    scores = frame.output.scores[0]
    assert (np.diff(scores) <= 0).all()
    assert 0 < scores.sum() <= 1.001
    np.testing.assert_allclose(frame.output.regions, [[160, 0, 480, 480]])
    assert frame.output.track_ids.tolist() == [-1]
    assert frame.decision.starts_group
    assert frame.decision.branch.startswith("shape=")
    assert frame.result.decision.kind == "classify"
    assert frame.result.content.category in range(7)
    assert frame.processing_ms > 0
    assert "images joined with detections" not in graph.diagnostics


def test_sla_policy_and_options_change_live(graph, whole_images):
    graph.set(sla__latency_ms=0.1)
    tight = next_frame(graph, lambda f: f.decision.sla_latency_ms == pytest.approx(0.1))
    assert tight.decision.branch == "shape=80,exit=1"
    assert "no branch fits" in tight.decision.reason
    graph.set(sla__latency_ms=500.0, top_k=2, smoothing=0.5, region="")
    loose = next_frame(graph, lambda f: f.output.class_ids.shape == (1, 2)
                       and f.decision.sla_latency_ms == 500.0)  # fmt: skip
    assert loose.decision.branch != "shape=80,exit=1"
    np.testing.assert_allclose(loose.output.regions, [[0, 0, 640, 480]])
    graph.set(policy="fixed", branch="shape=160,exit=6")
    next_frame(graph, lambda f: f.decision.branch == "shape=160,exit=6")
    graph.set(policy="most_accurate", branch="", allowed__exit="4")
    next_frame(graph, lambda f: f.decision.branch == "shape=80,exit=4")
    graph.set(allowed__exit="")
    for name, value in (
        ("region", "0.5,0,0.5,1"), ("region", "half"), ("branch", "shape=81,exit=1"),
        ("allowed.shape", "81"), ("policy", "adascale"), ("smoothing", 1.0),
        ("score_threshold", 0.5), ("max_regions", 8),
    ):  # fmt: skip
        with pytest.raises(ApproxPerceptionError, match="classification_node refused"):
            graph.recorder.set_parameters({name: value}, graph.check)


def test_least_latency_live(graph, whole_images):
    graph.set(policy="least_latency")
    graph.set(sla__accuracy=0.5)
    next_frame(graph, lambda f: f.decision.branch == "shape=80,exit=4")
    graph.set(sla__accuracy=0.7)
    next_frame(graph, lambda f: f.decision.branch == "shape=160,exit=6")
    # Either may change first; what then counts for nothing is told.
    graph.set(policy="most_accurate")
    next_frame(graph, lambda f: f.decision.reason.startswith("most accurate"))
    assert graph.wait(lambda: "'least_latency' alone heeds" in graph.diagnostics["message"])
    graph.set(sla__accuracy=0.0)


def test_load_topics_reset_and_recalibration(graph, whole_images):
    load = graph.node.create_publisher(SystemLoad, "system_load", 10)
    load.publish(SystemLoad(cpu_others=0.5))
    assert graph.wait(
        lambda: load.publish(SystemLoad(cpu_others=0.5))
        or "/system_load (heard), cpu 50%" in graph.diagnostics["load topics"], 20
    )  # fmt: skip
    assert graph.call(Trigger, f"{NODE}/reset").success
    assert graph.wait(lambda: "smoothing and complexity start anew: as asked" in whole_images.log)
    assert graph.call(Trigger, f"{NODE}/recalibrate").success
    assert graph.wait(lambda: "recalibrated" in whole_images.log, 60)


def test_debug_images_and_messages_of_others(graph, whole_images):
    drawn = graph.hear(Image, "debug_image", qos.RESULTS)
    jpeg = graph.hear(CompressedImage, "debug_image/compressed", qos.RESULTS)
    assert graph.wait(lambda: drawn and jpeg, 20)
    topics = [name for name, _ in graph.node.get_topic_names_and_types()]
    assert "/detections" not in topics
    kind = message_class("vision_msgs/msg/Classification")
    if kind is None:
        pytest.skip("vision_msgs is not installed")
    heard = graph.hear(kind, "classification_2d")
    assert graph.wait(lambda: heard, 20)
    message = heard[0]
    frame = next(f for f in graph.frames if f.stamp_ns == stamp_ns(message.header))
    told = [(result.class_id, pytest.approx(result.score)) for result in message.results]
    names, output = frame.class_names, frame.output
    assert told == [
        (names[index], score)
        for index, score in zip(
            output.class_ids[0].tolist(), output.scores[0].tolist(), strict=True
        )
    ]


def test_down_and_up_again(graph, whole_images):
    for transition, state in (
        (Transition.TRANSITION_DEACTIVATE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_CLEANUP, State.PRIMARY_STATE_UNCONFIGURED),
        (Transition.TRANSITION_CONFIGURE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_ACTIVE),
    ):
        asked = Transition(id=transition)
        assert graph.call(ChangeState, f"{NODE}/change_state", transition=asked).success
        assert graph.call(GetState, f"{NODE}/get_state").current_state.id == state
    graph.forget()
    assert graph.wait(lambda: graph.frames, 20)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """A node that waits for detections, its graph and two publishers."""
    graph = Graph(tmp_path_factory.mktemp("objects"), claim_domain(), "classification")
    (graph.folder / "space.yaml").write_text(SPACE)
    node = graph.start(
        "classification_node", space=str(graph.folder / "space.yaml"), num_threads=1,
        detections_topic="detections", max_regions=2,
    )  # fmt: skip
    assert graph.wait(lambda: graph.recorder.is_ready), node.last_words()
    yield graph
    graph.close()


def told(graph, words):
    """Whether diagnostics come to say something while images flow."""
    return graph.wait(lambda: words in graph.diagnostics["message"], 20)


def test_why_nothing_is_classified_is_said(objects):
    camera = Camera(objects)
    with camera.flowing():
        assert told(objects, "nobody publishes /detections, whose detections are to be classified")
        foreign = objects.node.create_publisher(String, "detections", 1)
        assert told(objects, "/detections carries std_msgs/msg/String, expected 'approx_perception")
        objects.node.destroy_publisher(foreign)
        ours = objects.node.create_publisher(DetectionArray, "detections", qos.RESULTS)
        assert told(objects, "/detections has a publisher, but no detections came yet")
        words = "no detections on /detections come that have the stamp of an image"
        # One alone may be sent before both sides know each other.
        assert objects.wait(
            lambda: ours.publish(DetectionArray()) or words in objects.diagnostics["message"], 20
        )
    assert not objects.frames
    assert int(objects.diagnostics["images without detections"]) > 10
    objects.node.destroy_publisher(ours)
    camera.close()


def test_each_object_is_classified_in_its_image(objects):
    camera = Camera(objects)
    publisher = objects.node.create_publisher(DetectionArray, "detections", qos.RESULTS)
    nan = float("nan")
    rows = [(20.0, 20.0, 16.0, 8.0, 0.5, 7), (50.0, 40.0, 30.0, 30.0, 0.9, 8),
            (30.0, 30.0, 10.0, 10.0, 0.2, 9), (nan, 1.0, 2.0, 2.0, 0.9, 10)]  # fmt: skip

    def send(rows):
        message = camera.image(seed=1)
        camera.send(message)
        found = [Detection(center_x=x, center_y=y, size_x=w, size_y=h, score=s, track_id=i)
                 for x, y, w, h, s, i in rows]  # fmt: skip
        publisher.publish(DetectionArray(header=message.header, detections=found))
        objects.rest(0.1)
        return stamp_ns(message.header)

    def frame_of(rows):
        stamps = set()
        assert objects.wait(
            lambda: stamps.add(send(rows)) or any(f.stamp_ns in stamps for f in objects.frames), 20
        )
        return next(f for f in objects.frames if f.stamp_ns in stamps)

    found = frame_of(rows).output
    # The most certain two, cut at the image's edges; what cannot be one is none.
    assert found.track_ids.tolist() == [8, 7]
    np.testing.assert_allclose(found.regions, [[35, 25, 64, 48], [12, 16, 28, 24]])
    assert found.class_ids.shape == (2, 5)
    for words in ("max_regions is 2", "detections on /detections cannot be regions"):
        assert objects.wait(lambda: send(rows) and words in objects.diagnostics["message"], 20)  # noqa: B023
    assert int(objects.diagnostics["images joined with detections"]) > 0
    # Where nothing is, there is a message that says so.
    assert len(frame_of([]).output) == 0
    camera.close()
