"""The nodes as a robot would run them."""

import signal

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.ros import qos
from test.ros.conftest import Camera, wait_for_exit


def test_player_and_perception_over_real_topics(graph):
    node = graph.start_perception()
    graph.start("player_node", source="synthetic:calm", loop=True, wait_for_subscriber=True)
    assert graph.wait(lambda: len(graph.frames) > 40)
    frames = graph.frames
    assert all(frame.processing_ms > 0 for frame in frames)
    assert any((frame.detections.track_ids >= 0).any() for frame in frames)
    assert all(frame.decision.branch for frame in frames)
    stamps = [frame.stamp_ns for frame in frames]
    assert stamps == sorted(set(stamps))
    assert node.exit_code is None


def test_header_is_untouched(graph):
    node = graph.start_perception()
    camera = Camera(graph)
    message = camera.image()
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 345
    message.header.frame_id = "lens"
    received = []
    from approx_perception.msg import DetectionArray

    graph.recorder._node.create_subscription(
        DetectionArray, "detections", received.append, qos.RESULTS
    )
    graph.rest(0.5)
    camera.send(message)
    assert graph.wait(lambda: received)
    assert stamp_ns(received[0].header) == 12_000_000_345
    assert received[0].header.frame_id == "lens"
    # The network that ships knows nothing of the images of a lens, and says so.
    words = "the network that ships knows only synthetic shapes"
    assert graph.wait(lambda: words in graph.diagnostics["message"], 20)
    told = node.log
    assert f"/image: {words}" in told
    # What the node begins with is in the log.
    assert "SLA 100 ms for 95 % of frames, policy most_accurate, accuracy: " in told
    camera.send(camera.image())
    assert graph.wait(lambda: words not in graph.diagnostics["message"], 20)


def test_two_nodes_of_one_name_are_told_of(graph):
    first = graph.start_perception()
    graph.start("load_monitor_node", {"__node": "perception_node"})
    assert graph.wait(lambda: "2 nodes are called /perception_node" in first.log, 20)
    second = graph.processes[1]
    assert graph.wait(lambda: "2 nodes are called /perception_node" in second.log, 20)
    second.stop()
    graph.processes.remove(second)


def test_sla_takes_effect_live_and_bad_ones_are_refused(graph):
    graph.start_perception(sla__latency_ms=1000.0)
    graph.start("player_node", source="synthetic:crowd", loop=True, wait_for_subscriber=True)
    assert graph.wait(lambda: graph.frames)
    loose = graph.frames[-1].decision
    for name, value in (
        ("sla.latency_ms", 0.0), ("sla.latency_ms", -3.0), ("sla.latency_ms", "fast"),
        ("sla.latency_ms", True), ("sla.quantile", 1.5), ("sla.scope", "week"),
        ("policy", "best"), ("branch", "shape=9000"), ("score_threshold", 2.0),
        ("detector", "yolox"),
    ):  # fmt: skip
        with pytest.raises(ApproxPerceptionError, match="perception_node refused"):
            graph.recorder.set_parameters({name: value}, graph.check)
    count = len(graph.frames)
    graph.set(sla__latency_ms=0.5)
    assert graph.wait(lambda: graph.frames[-1].decision.sla_latency_ms == 0.5)
    assert len(graph.frames) > count
    tight = graph.frames[-1].decision
    assert tight.branch != loose.branch
    assert "no branch fits" in tight.reason
    graph.set(sla__latency_ms=1000.0)
    assert graph.wait(lambda: graph.frames[-1].decision.branch == loose.branch)


def test_other_parameters_take_effect_live(graph):
    graph.start_perception()
    graph.start("player_node", source="synthetic:crowd", loop=True, wait_for_subscriber=True)
    branch = "shape=160,nprop=5,si=4,tracker=median_flow,ds=1"
    graph.set(policy="fixed", branch=branch, score_threshold=0.6)
    assert graph.wait(lambda: graph.frames and graph.frames[-1].decision.branch == branch)
    graph.wait(lambda: False, 1.0)
    frames = graph.frames[-12:]
    assert {frame.decision.run_detector for frame in frames} == {True, False}
    assert all((frame.detections.scores >= 0.6).all() for frame in frames)


def broken_images(camera):
    for change in (
        {"encoding": "32FC1"}, {"width": 0, "height": 0, "step": 0}, {"data": b"short"},
        {"step": 1},
    ):  # fmt: skip
        message = camera.image()
        for name, value in change.items():
            setattr(message, name, value)
        yield message


def test_bad_images_are_reported_and_survived(graph):
    node = graph.start_perception()
    camera = Camera(graph)
    words = ("32FC1", "empty", "truncated", "step is 1")
    for message, word in zip(broken_images(camera), words, strict=True):
        camera.send(message)
        assert graph.wait(lambda word=word: word in graph.diagnostics["last error"], 20), word
    assert int(graph.diagnostics["refused"]) == 4
    assert "frame refused" in node.last_words()
    camera.send(camera.image())
    assert graph.wait(lambda: len(graph.frames) == 1)


def test_a_silent_publisher_is_reported(graph):
    node = graph.start_perception()
    assert graph.diagnostics["message"].startswith("waiting for the first image")
    camera = Camera(graph)
    assert graph.wait(lambda: "has a publisher" in graph.diagnostics["message"], 20)
    assert "/image has a publisher" in node.last_words()
    camera.send(camera.image())
    assert graph.wait(lambda: graph.diagnostics["message"] == "processing", 20)


def test_why_no_image_comes_is_said(graph):
    """Nobody, an incompatible quality of service, another type, the other transport."""
    node = graph.start_perception(
        **{"qos_overrides__/image__subscription__reliability": "reliable"}
    )

    def is_told(words):
        return graph.wait(lambda: words in graph.diagnostics["message"], 20)

    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    camera = Camera(graph, profile=best_effort, is_heard=False)
    assert is_told("the quality of service of /image does not fit: ERROR: Best effort publisher")
    assert "does not fit" in node.last_words()
    camera.close()
    camera = Camera(graph, CompressedImage, is_heard=False)
    assert is_told("/image carries sensor_msgs/msg/CompressedImage, expected sensor_msgs/msg/Image")
    assert "set image_transport to compressed" in graph.diagnostics["message"]
    camera.close()
    camera = Camera(graph, String, is_heard=False)
    assert is_told("/image carries std_msgs/msg/String, expected sensor_msgs/msg/Image")
    camera.close()
    camera = Camera(graph, CompressedImage, "image/compressed", is_heard=False)
    assert is_told("nobody publishes /image, but /image/compressed carries sensor_msgs/msg/Compr")
    camera.close()
    assert is_told("nobody publishes /image, nor images on any other topic: does the camera's node")
    others = [
        Camera(graph, kind, topic, is_heard=False)
        for kind, topic in ((Image, "elsewhere/image_raw"), (CompressedImage, "x/compressed"))
    ]
    # debug_image is the node's own.
    words = (
        "nobody publishes /image; there are images on /elsewhere/image_raw, /x/compressed (with "
        "image_transport compressed): name the right topic as cameras, or remap"
    )
    assert is_told(words)
    assert f"waiting for the first image: {words}" in node.log
    for camera in others:
        camera.close()
    camera = Camera(graph)
    camera.send(camera.image())
    assert graph.wait(lambda: len(graph.frames) == 1, 20)
    # What was wrong with publishers that left is not told for ever.
    with camera.flowing():
        assert graph.wait(lambda: graph.diagnostics["message"] == "processing", 20)
    camera.close()
    # The same causes after the first image.
    assert is_told("s: nobody publishes /image")
    camera = Camera(graph, profile=best_effort, is_heard=False)
    assert is_told("s: the quality of service of /image does not fit: ERROR: Best effort publisher")
    camera.close()
    camera = Camera(graph, CompressedImage, "image/compressed", is_heard=False)
    assert is_told("s: nobody publishes /image, but /image/compressed carries sensor_msgs/msg/Com")
    assert "no more images: nobody publishes /image" in node.last_words()
    camera.close()


def test_compressed_images(graph):
    import cv2

    graph.start_perception(image_transport="compressed", max_image_px=64 * 48)
    camera = Camera(graph, CompressedImage, "image/compressed")
    images = [np.zeros((48, width, 3), np.uint8) for width in (64, 65)]
    good, large = (
        CompressedImage(format="jpeg", data=cv2.imencode(".jpg", image)[1].tobytes())
        for image in images
    )
    good.header.stamp.sec = 5
    camera.send(CompressedImage(format="jpeg", data=b"no image"))
    assert graph.wait(lambda: "no image of a known format" in graph.diagnostics["last error"], 20)
    camera.send(large)
    assert graph.wait(lambda: "65x48 px, more than max_i" in graph.diagnostics["last error"], 20)
    camera.send(good)
    assert graph.wait(lambda: graph.frames)


def test_change_of_resolution_in_mid_stream(graph):
    graph.start_perception(policy="fixed", branch="shape=160,nprop=5,si=4")
    camera = Camera(graph)
    for count, (width, height) in enumerate(((64, 48), (96, 64), (33, 17), (64, 48)), start=1):
        camera.send(camera.image(width, height))
        assert graph.wait(lambda count=count: len(graph.frames) == count, 20)
    assert graph.diagnostics["refused"] == "0"


def test_nothing_queues_and_nothing_old_is_processed(graph):
    """640x480 at 30 Hz against a detector that cannot keep up."""
    (graph.folder / "slow.yaml").write_text("shape: [1152]\nnprop: [100]\nsi: [1]\n")
    graph.start_perception(space=str(graph.folder / "slow.yaml"))
    graph.start("player_node", source="synthetic:crowd", loop=True, wait_for_subscriber=True)
    assert graph.wait(lambda: len(graph.frames) > 8, 60)
    graph.rest(1.5)
    counts = graph.diagnostics
    received, processed = int(counts["received"]), int(counts["processed"])
    dropped = int(counts["dropped for a newer image"]) + int(counts["dropped as stale"])
    assert processed < received
    # One may wait and one be under way.
    assert received - processed - dropped in (0, 1, 2)
    frames = graph.frames[3:]
    waited_ms = [frame.age_ms - frame.processing_ms for frame in frames]
    # Age before processing: at most a period in the slot, and the transport; one that queued would
    # have waited for another to be processed. Medians, as a single frame may meet a pause.
    half_a_frame_ms = 0.5 * np.median([frame.processing_ms for frame in frames])
    assert np.median(waited_ms) < half_a_frame_ms
    # And it does not grow.
    assert np.median(waited_ms[len(waited_ms) // 2 :]) < half_a_frame_ms


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_clean_when_told_to(graph, number):
    node = graph.start_perception()
    player = graph.start("player_node", source="synthetic:calm", loop=True)
    assert graph.wait(lambda: graph.frames)
    for process in (player, node):
        process.send(number)
        assert wait_for_exit(process) == 0
        assert "Traceback" not in process.last_words()
    graph.processes.clear()


def test_player_plays_once_and_logs_what_it_sent(graph):
    log = graph.folder / "sent.csv"
    received = []
    node: Node = graph.recorder._node
    node.create_subscription(Image, "image", received.append, qos.CAMERA)
    player = graph.start(
        "player_node", source="synthetic:calm", frames=12, rate=2.0, log_file=str(log),
        wait_for_subscriber=True,
    )  # fmt: skip
    assert graph.wait(lambda: player.exit_code is not None, check=lambda: None)
    assert player.exit_code == 0
    rows = log.read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(12))
    stamps = [int(row.split(",")[1]) for row in rows]
    assert stamps == sorted(stamps)
    assert {stamp_ns(message.header) for message in received} <= set(stamps)


@pytest.mark.parametrize(
    ("module", "parameters", "words"),
    [
        ("perception_node", {"sla.latency_ms": 0.0}, "sla.latency_ms"),
        ("perception_node", {"sla.latency_ms": "fast"}, "sla.latency_ms"),
        ("perception_node", {"sla.scope": "week"}, "'week'"),
        ("perception_node", {"weights": "nowhere.pt"}, "nowhere.pt"),
        ("perception_node", {"detector": "ssd"}, "'ssd'"),
        ("perception_node", {"space": "nowhere.yaml"}, "nowhere.yaml"),
        ("perception_node", {"image_transport": "pigeon"}, "'pigeon'"),
        ("player_node", {"source": "nowhere"}, "nowhere"),
        ("player_node", {"source": "synthetic:calm", "rate": 0.0}, "rate"),
    ],
)
def test_bad_parameters_at_start_end_it_with_a_sentence(graph, module, parameters, words):
    process = graph.start(module, **parameters)
    assert wait_for_exit(process) == 1
    assert "error: " in process.last_words()
    assert words in process.last_words()
    assert "Traceback" not in process.last_words()
    graph.processes.clear()
