"""The nodes as a robot would run them."""

import signal
import subprocess
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.ros import qos
from approx_perception.ros.silence import reason_for_silence
from test.datasets.cameras.mjpeg_server import endless, jpeg, serving, stream
from test.ros.conftest import Camera, wait_for_exit


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
    assert is_told("waiting for the first image: /image has a publisher: does it publish")
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


def test_images_on_the_name_that_is_remapped(graph):
    remapping = ["--ros-args", "-r", "image:=/camera/image_raw"]
    node = Node("remapped", context=graph.node.context, cli_args=remapping)
    node.create_publisher(Image, "/debug_image", qos.CAMERA)  # its own is nobody else's
    camera = Camera(graph, is_heard=False)
    words = "nobody publishes /camera/image_raw; there are images on /image: name the right topic"

    def is_told():
        said = reason_for_silence(node, "/camera/image_raw", "raw", qos.CAMERA)
        return said.startswith(words)

    assert graph.wait(is_told, 20)
    camera.close()
    node.destroy_node()


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
    graph.popen = subprocess.Popen
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


def test_player_publishes_a_camera_with_the_time_of_arrival_and_tells_its_loss(graph):
    received = graph.hear(Image, "image", qos.CAMERA)
    with serving(lambda send: stream(send, [jpeg()] * 30, 0.02), endless) as address:
        secret = address.replace("//", "//somebody:guess@")
        player = graph.start("player_node", source=secret, wait_for_subscriber=True)
        assert graph.wait(lambda: "is back after" in player.log and len(received) > 20)
        age_s = [time.time() - stamp_ns(received[-1].header) / 1e9]
        assert graph.wait(lambda: len(received) > 40)
        player.send(signal.SIGINT)
        assert wait_for_exit(player) == 0
    stamps = [stamp_ns(message.header) for message in received]
    assert stamps == sorted(set(stamps))
    assert -0.1 < age_s[0] < 5
    assert "is lost: it ended the connection" in player.log
    assert "guess" not in player.log
    graph.processes.clear()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"sla.scope": "week"}, "'week'"),
        ({"weights": "nowhere.pt"}, "nowhere.pt"),
        ({"detector": "ssd"}, "'ssd'"),
        ({"space": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_bad_parameters_at_start_end_it_with_a_sentence(graph, parameters, words):
    """Those that are found when it configures; of the others one, see test_parameters."""
    process = graph.start("perception_node", **parameters)
    assert wait_for_exit(process) == 1
    assert "error: " in process.last_words()
    assert words in process.last_words()
    assert "Traceback" not in process.last_words()
    graph.processes.clear()
