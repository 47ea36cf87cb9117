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
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel
from approx_perception.ros import qos
from approx_perception.ros.load_topics import _OwnCpu
from test.ros.conftest import wait_for_exit


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


def test_own_share_of_the_cpu_is_of_all_cores_as_monitors_count_them(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(psutil, "cpu_count", lambda: 64)
    own = _OwnCpu(clock)
    monkeypatch.setattr(own, "_now", lambda: (own._before[0] + 8.0, own._before[1] + 10.0))
    assert own.share() == pytest.approx(8.0 / 10.0 / 64)


@pytest.fixture(scope="module")
def node(shared_graph):
    """One perception node, which tests tell whom to listen to."""
    return shared_graph.start_perception(load_timeout_s=1.0, load_topic="")


@pytest.fixture
def listen(shared_graph, node):
    """Set load topics; returns who speaks on each."""

    def listen(**topics):
        named = {"load_topic": "", "cpu_load_topic": "", "gpu_load_topic": ""}
        shared_graph.set(**{**named, **topics})
        types = {"load_topic": SystemLoad}
        speakers = [
            Speaker(shared_graph, types.get(parameter, Float32), topic)
            for parameter, topic in topics.items()
        ]
        assert shared_graph.wait(lambda: all(speaker.connected() for speaker in speakers))
        return speakers

    return listen


def load(graph):
    return graph.diagnostics["load topics"], graph.diagnostics["load problems"]


def test_plain_topics_are_heard_and_silence_is_told(shared_graph, node, listen):
    cpu, gpu = listen(cpu_load_topic="/board/cpu", gpu_load_topic="/board/gpu")
    assert gpu.say_until(lambda: "gpu 40%" in load(shared_graph)[0], data=40.0)
    # Not always 80 %: what the node itself takes is not the others'.
    assert cpu.say_until(lambda: re.search(r"cpu \d+%", load(shared_graph)[0]), data=80.0)
    assert "/board/gpu" in load(shared_graph)[0]
    assert shared_graph.wait(lambda: "is silent for" in load(shared_graph)[1], 20)
    assert "fell silent" in node.log
    assert cpu.say_until(lambda: "/board/cpu (heard)" in load(shared_graph)[0], data=10.0)


def test_readings_that_make_no_sense_are_reported_and_survived(shared_graph, node, listen):
    (cpu,) = listen(cpu_load_topic="/odd/cpu")
    for value in (-1.0, 150.0, math.nan, math.inf):
        assert cpu.say_until(
            lambda: "percentage from 0 to 100" in load(shared_graph)[1], data=value
        )
        assert cpu.say_until(lambda: load(shared_graph)[1] == "", data=50.0)
    assert "load reading refused: /odd/cpu" in node.log
    assert node.exit_code is None


def test_shares_of_a_monitor_that_make_no_sense(shared_graph, listen):
    (monitor,) = listen(load_topic="odd_load")
    assert monitor.say_until(lambda: "cpu load is 1.5" in load(shared_graph)[1], cpu_others=1.5)


def test_a_topic_of_another_type_is_reported(shared_graph, node):
    shared_graph.set(load_topic="", cpu_load_topic="/words", gpu_load_topic="")
    words = Speaker(shared_graph, String, "/words")
    assert words.say_until(
        lambda: "/words carries std_msgs/msg/String, expected std_msgs/msg/Float32"
        in load(shared_graph)[1],
        data="busy",
    )  # fmt: skip
    message = shared_graph.diagnostics["message"]
    assert "load topics" in message or "waiting" in message
    assert node.exit_code is None


def test_the_baseline_policy_needs_a_profile(shared_graph, node):
    with pytest.raises(ApproxPerceptionError, match="needs a profile of this machine"):
        shared_graph.set(policy="approxdet")


def test_a_profile_that_cannot_be_used_is_said(graph):
    path = graph.folder / "profile.json"
    path.write_text("{}")
    path.with_suffix(".npz").write_bytes(b"")
    node = graph.start("perception_node", profile=str(path))
    assert wait_for_exit(node) == 1
    assert "is no profile of this version" in node.last_words()
