"""Several cameras in one node; several nodes in one graph; time that is not the wall's."""

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import DetectionArray, SchedulerDecision
from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock

from approx_perception.datasets.image_messages import stamp_ns
from approx_perception.ros import qos
from approx_perception.ros.topic_names import CameraTopic, camera_topics
from test.ros.conftest import Camera

FRONT, REAR = "/front/image_raw", "/rear/image_raw"


def test_names_of_cameras():
    assert camera_topics(["/camera/image"]) == [CameraTopic("/camera/image", "")]
    assert [c.name for c in camera_topics([FRONT, REAR])] == ["front", "rear"]
    # The namespace alone would not tell these apart.
    assert [c.name for c in camera_topics(["/rig/left", "/rig/right"])] == ["rig/left", "rig/right"]
    assert [c.name for c in camera_topics(["left", "right"])] == ["left", "right"]


def test_cameras_share_the_budget_and_one_that_dies_disturbs_nobody(graph):
    node = graph.start_perception(cameras=[FRONT, REAR], sla__latency_ms=400.0)
    assert "2 cameras" in node.last_words()
    heard = {
        name: (graph.hear(DetectionArray, f"/{name}/detections", qos.RESULTS),
               graph.hear(SchedulerDecision, f"/{name}/decision", qos.RESULTS))
        for name in ("front", "rear")
    }  # fmt: skip
    front = graph.start("player_node", {"image": FRONT}, source="synthetic:calm", loop=True)
    rear = graph.start("player_node", {"image": REAR}, source="synthetic:crowd", loop=True, seed=3)
    assert graph.wait(lambda: all(len(d) > 30 for d, _ in heard.values()))
    # Each has its own objects, and half of the budget while both send images.
    counts = {name: max(len(m.detections) for m in d) for name, (d, _) in heard.items()}
    assert counts["rear"] > counts["front"]
    for _, decisions in heard.values():
        assert decisions[-1].sla_latency_ms == 400.0
        assert decisions[-1].budget_ms == 200.0
    graph.set(front__sla__latency_ms=100.0)
    assert graph.wait(lambda: heard["rear"][1][-1].budget_ms == 50.0, 20)
    assert graph.wait(lambda: heard["front"][1][-1].sla_latency_ms == 100.0, 20)
    rear.stop()
    graph.processes.remove(rear)
    assert graph.wait(lambda: heard["front"][1][-1].budget_ms == 100.0, 20)
    received = len(heard["front"][0])
    assert graph.wait(lambda: len(heard["front"][0]) > received + 20, 20)
    assert front.exit_code is None and node.exit_code is None
    # What is no image for one is nothing to the other.
    broken = Camera(graph, topic=REAR)
    message = broken.image()
    message.encoding = "32FC1"
    broken.send(message)
    assert graph.wait(lambda: "32FC1" in graph.diagnostics["last error"], 20)
    received = len(heard["front"][0])
    assert graph.wait(lambda: len(heard["front"][0]) > received + 20, 20)


def test_two_nodes_in_one_graph_with_namespaces_and_remapping(graph):
    heard = {name: graph.hear(DetectionArray, f"/{name}/detections", qos.RESULTS)
             for name in ("left", "right")}  # fmt: skip
    for name in heard:
        graph.start(
            "perception_node", {"__ns": f"/{name}", "image": "/shared/image"},
            space=str(graph.folder / "space.yaml"),
        )  # fmt: skip
    graph.start("player_node", {"image": "/shared/image"}, source="synthetic:calm", loop=True)
    assert graph.wait(lambda: all(len(messages) > 10 for messages in heard.values()))
    assert graph.node.count_publishers("/detections") == 0


def test_simulated_time_that_jumps_back_and_stamps_of_zero(graph):
    node = graph.start_perception(use_sim_time=True, policy="fixed", branch="shape=160,nprop=5")
    clock = graph.node.create_publisher(Clock, "/clock", 10)
    heard = graph.hear(DetectionArray, "detections", qos.RESULTS)
    camera = Camera(graph)

    def send(seconds, stamp_s=None):
        clock.publish(Clock(clock=Time(sec=seconds)))
        graph.rest(0.2)
        count = len(heard)
        stamp_s = seconds - 1 if stamp_s is None else stamp_s
        camera.send(camera.image(stamp_ns=stamp_s * 10**9))
        assert graph.wait(lambda: len(heard) > count, 20), seconds
        return heard[-1]

    # Diagnostics come although time stands still.
    assert graph.wait(lambda: "waiting for the first image" in graph.diagnostics["message"], 20)
    message = send(100)
    assert message.age_ms == pytest.approx(1000.0, abs=1.0)
    assert stamp_ns(message.header) == 99 * 10**9
    send(101)
    send(10)
    assert graph.wait(lambda: "identities start anew" in node.last_words(), 20)
    message = send(11, 0)
    assert message.age_ms != message.age_ms  # nan
    assert graph.diagnostics["refused"] == "0"
    # Two clocks: that is said, once, and identities go on.
    told = node.log.count("identities start anew")
    other = graph.node.create_publisher(Clock, "/clock", 10)
    assert graph.wait(lambda: "2 publishers of /clock" in graph.diagnostics["message"], 20)
    for _ in range(20):
        other.publish(Clock(clock=Time(sec=1000)))
        clock.publish(Clock(clock=Time(sec=12)))
        graph.rest(0.02)
    assert node.log.count("2 publishers of /clock") == 1
    assert node.log.count("identities start anew") == told
    graph.node.destroy_publisher(other)
    # One clock that jumps all the time.
    assert graph.wait(lambda: "publishers of /clock" not in graph.diagnostics["message"], 20)
    for index in range(100):
        clock.publish(Clock(clock=Time(sec=20 - 10 * (index % 2))))
        graph.rest(0.02)
    assert graph.wait(lambda: "such lines before it not told" in node.log, 20)
    assert node.log.count("identities start anew") <= told + 3
