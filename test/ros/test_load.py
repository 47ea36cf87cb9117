"""Load monitors and load topics, with real nodes in real processes."""

import math
import re
import time

import psutil
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import SystemLoad
from std_msgs.msg import Float32, String

from approx_perception.clock import FakeClock
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel
from approx_perception.ros import qos
from approx_perception.ros.load_topics import _OwnCpu


class Speaker:
    """Publishes on a load topic from the recorder's process."""

    def __init__(self, graph, message_type, topic):
        self._graph, self._type = graph, message_type
        self._publisher = graph.recorder._node.create_publisher(message_type, topic, qos.RESULTS)

    def connected(self):
        return self._publisher.get_subscription_count() > 0

    def say(self, **fields):
        self._publisher.publish(self._type(**fields))

    def say_until(self, done, timeout_s=20.0, **fields):
        end_s = time.monotonic() + timeout_s
        while not done() and time.monotonic() < end_s:
            self.say(**fields)
            self._graph.rest(0.1)
        return done()


def test_monitor_tells_the_load_of_others(graph):
    received = []
    graph.recorder._node.create_subscription(
        SystemLoad, "system_load", received.append, qos.LOAD_INPUT
    )
    monitor = graph.start("load_monitor_node", period_s=0.1)
    assert graph.wait(lambda: len(received) > 5)
    with ContentionGenerator(ContentionLevel(1)):
        graph.rest(1.5)
        del received[:]
        assert graph.wait(lambda: len(received) > 5)
    busy = received[-1]
    assert 0.2 < busy.cpu_others <= busy.cpu <= 1.0
    assert 0 < busy.memory < 1
    assert busy.header.stamp.sec > 0
    assert monitor.stop() == 0


def test_node_hears_the_monitor(graph):
    graph.start("load_monitor_node")
    graph.start_perception()
    assert graph.wait(lambda: "/system_load (heard)" in graph.diagnostics["load topics"])
    graph.start("player_node", source="synthetic:calm", loop=True, wait_for_subscriber=True)
    assert graph.wait(lambda: graph.frames)
    decision = graph.frames[-1].decision
    # Without a profile readings are not worth anything, and the decision says so.
    assert decision.contention_source == "latency"
    assert decision.slowdown > 0


def test_plain_topics_are_heard_and_silence_is_told(graph):
    node = graph.start_perception(
        cpu_load_topic="/board/cpu", gpu_load_topic="/board/gpu", load_topic="", load_timeout_s=1.0
    )
    cpu, gpu = Speaker(graph, Float32, "/board/cpu"), Speaker(graph, Float32, "/board/gpu")
    assert graph.wait(lambda: cpu.connected() and gpu.connected())

    def status():
        return graph.diagnostics["load topics"]

    assert gpu.say_until(lambda: "gpu 40%" in status(), data=40.0)
    # Not always 80 %: what the node itself takes is not the others'.
    assert cpu.say_until(lambda: re.search(r"cpu \d+%", status()), data=80.0)
    assert "/board/gpu" in status()
    assert graph.wait(lambda: "is silent for" in graph.diagnostics["load problems"], 20)
    assert "fell silent" in node.last_words()
    assert cpu.say_until(lambda: "/board/cpu (heard)" in status(), data=10.0)


def test_own_share_of_the_cpu_is_of_all_cores_as_monitors_count_them(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(psutil, "cpu_count", lambda: 64)
    own = _OwnCpu(clock)
    monkeypatch.setattr(own, "_now", lambda: (own._before[0] + 8.0, own._before[1] + 10.0))
    assert own.share() == pytest.approx(8.0 / 10.0 / 64)


def test_readings_that_make_no_sense_are_reported_and_survived(graph):
    node = graph.start_perception(cpu_load_topic="/board/cpu", load_topic="")
    cpu = Speaker(graph, Float32, "/board/cpu")
    assert graph.wait(cpu.connected)
    for value in (-1.0, 150.0, math.nan, math.inf):
        assert cpu.say_until(
            lambda: "percentage from 0 to 100" in graph.diagnostics["load problems"], data=value
        )
        assert cpu.say_until(lambda: graph.diagnostics["load problems"] == "", data=50.0)
    assert "load reading refused: /board/cpu" in node.last_words()
    assert node.exit_code is None


def test_shares_of_a_monitor_that_make_no_sense(graph):
    graph.start_perception()
    monitor = Speaker(graph, SystemLoad, "system_load")
    assert graph.wait(monitor.connected)
    assert monitor.say_until(
        lambda: "cpu load is 1.5" in graph.diagnostics["load problems"], cpu_others=1.5
    )


def test_a_topic_of_another_type_is_reported(graph):
    node = graph.start_perception(cpu_load_topic="/board/cpu", load_topic="")
    words = Speaker(graph, String, "/board/cpu")
    assert words.say_until(
        lambda: (
            "/board/cpu carries std_msgs/msg/String, expected std_msgs/msg/Float32"
            in graph.diagnostics["load problems"]
        ),
        data="busy",
    )
    assert (
        "load topics" in graph.diagnostics["message"] or "waiting" in graph.diagnostics["message"]
    )
    assert node.exit_code is None


def test_a_topic_name_that_cannot_be(graph):
    from test.ros.conftest import wait_for_exit

    node = graph.start("perception_node", cpu_load_topic="not a topic!")
    assert wait_for_exit(node) == 1
    assert "cpu_load_topic is 'not a topic!', which is no topic" in node.last_words()


def test_a_profile_that_cannot_be_used_is_said(graph):
    from test.ros.conftest import wait_for_exit

    path = graph.folder / "profile.json"
    path.write_text("{}")
    path.with_suffix(".npz").write_bytes(b"")
    node = graph.start("perception_node", profile=str(path))
    assert wait_for_exit(node) == 1
    assert "is no profile of this version" in node.last_words()


def test_the_baseline_policy_needs_a_profile(graph):
    graph.start_perception()
    from approx_perception.exceptions import ApproxPerceptionError

    with pytest.raises(ApproxPerceptionError, match="needs a profile of this machine"):
        graph.set(policy="approxdet")
