"""What a node does with the images of one camera, on one node that all tests share."""

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import DetectionArray, SystemLoad

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.ros import qos
from test.ros.conftest import Camera


@pytest.fixture(scope="module")
def node(shared_graph):
    return shared_graph.start_perception(calibration__width=320, calibration__height=240)


@pytest.fixture
def camera(shared_graph, node):
    """A new camera, and nothing heard yet."""
    camera = Camera(shared_graph)
    shared_graph.forget()
    yield camera
    camera.close()


def test_what_the_node_begins_with_is_in_its_log(node):
    assert "SLA 100 ms for 95 % of frames, policy most_accurate, accuracy: " in node.log


def test_header_is_untouched(shared_graph, node, camera):
    message = camera.image()
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 345
    message.header.frame_id = "lens"
    received = shared_graph.hear(DetectionArray, "detections", qos.RESULTS)
    shared_graph.rest(0.5)
    camera.send(message)
    assert shared_graph.wait(lambda: received)
    assert stamp_ns(received[0].header) == 12_000_000_345
    assert received[0].header.frame_id == "lens"
    # The network that ships knows nothing of the images of a lens, and says so.
    words = "the network that ships knows only synthetic shapes"
    assert shared_graph.wait(lambda: words in shared_graph.diagnostics["message"], 20)
    assert f"/image: {words}" in node.log
    camera.send(camera.image())
    assert shared_graph.wait(lambda: words not in shared_graph.diagnostics["message"], 20)
    assert "are 64x48, but latencies were measured for 320x240" in node.log


def broken_images(camera):
    for change in (
        {"encoding": "32FC1"}, {"width": 0, "height": 0, "step": 0}, {"data": b"short"},
        {"step": 1},
    ):  # fmt: skip
        message = camera.image()
        for name, value in change.items():
            setattr(message, name, value)
        yield message


def test_bad_images_are_reported_and_survived(shared_graph, node, camera):
    words = ("32FC1", "empty", "truncated", "step is 1")
    for message, word in zip(broken_images(camera), words, strict=True):
        camera.send(message)
        assert shared_graph.wait(
            lambda word=word: word in shared_graph.diagnostics["last error"], 20
        ), word
    assert int(shared_graph.diagnostics["refused"]) == 4
    assert "frame refused" in node.log
    camera.send(camera.image())
    assert shared_graph.wait(lambda: len(shared_graph.frames) == 1)


@pytest.mark.parametrize("si", [1, 4])
def test_encodings_and_sizes_may_change_in_mid_stream(shared_graph, camera, si):
    shared_graph.set(policy="fixed", branch=f"shape=160,nprop=5,si={si}")
    before = shared_graph.diagnostics["refused"]
    for count, (size, encoding) in enumerate(
        (((64, 48), "bgr8"), ((96, 64), "rgb8"), ((33, 17), "bgr8"), ((64, 48), "rgb8")), start=1
    ):
        message = camera.image(*size, seed=count)
        message.encoding = encoding
        camera.send(message)
        assert shared_graph.wait(lambda count=count: len(shared_graph.frames) == count, 20)
    assert shared_graph.diagnostics["refused"] == before


#: A header of little-endian CDR, and then less, or lengths of more, than a message has.
NO_MESSAGES = (b"\x00\x01\x00\x00", b"", b"\xff" * 64, b"\x00\x01\x00\x00" + b"\xff" * 200)


def test_bytes_that_are_no_message_are_survived_and_told(shared_graph, node, camera):
    load = shared_graph.node.create_publisher(SystemLoad, "system_load", qos.RESULTS)
    assert shared_graph.wait(lambda: load.get_subscription_count() > 0, 20)
    with camera.flowing(0.1):
        for junk in NO_MESSAGES:
            camera.send(junk)
            load.publish(junk)
            shared_graph.rest(0.2)
        failed = "failed callbacks"
        assert shared_graph.wait(lambda: shared_graph.diagnostics[failed] not in ("?", "0"), 20)
        for topic in ("image", "system_load"):
            assert (
                f"taking a message of /{topic} failed: it is malformed, or there is no" in node.log
            )
        count = len(shared_graph.frames)
        assert shared_graph.wait(lambda: len(shared_graph.frames) > count + 5, 20), node.log
    load.publish(SystemLoad(cpu_others=0.25))
    assert shared_graph.wait(lambda: "cpu 25%" in shared_graph.diagnostics["load topics"], 20)


def test_two_nodes_of_one_name_are_told_of(shared_graph, node):
    second = shared_graph.start("load_monitor_node", {"__node": "perception_node"})
    for each in (node, second):
        words = "2 nodes are called /perception_node"
        assert shared_graph.wait(lambda each=each, words=words: words in each.log, 20)
    second.stop()
    shared_graph.processes.remove(second)
