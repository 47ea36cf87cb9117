"""What the nodes take as parameters: in this process, so that a start costs no seconds."""

import gc
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

import rclpy
from rclpy.parameter import Parameter as RosParameter
from std_msgs.msg import Float32

from approx_perception.clock import FakeClock
from approx_perception.interface import PERCEPTION_PARAMETERS
from approx_perception.ros.load_monitor_node import LoadMonitorNode
from approx_perception.ros.perception_node import PerceptionNode
from approx_perception.ros.player_node import PlayerNode
from approx_perception.ros.startup import start_node


@pytest.fixture
def start(monkeypatch, domain_id):
    """Start a node with arguments; None where it refuses."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain_id))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    handler, nodes = signal.getsignal(signal.SIGTERM), []

    def start(kind, *parameters, more=()):
        given = [word for text in parameters for word in ("-p", text)]
        nodes.append(start_node(kind, ["--ros-args", *given, *more]))
        return nodes[-1]

    yield start
    for node in nodes:
        if node is not None:
            node.destroy_node()
    nodes.clear()
    rclpy.try_shutdown()
    # A node that refused to start is in the graph, and asked by others, until it is collected.
    gc.collect()
    signal.signal(signal.SIGTERM, handler)


CAMERAS = {
    "[]": "cameras is empty; name an image topic, as [/camera/image_raw]",
    '[""]': "cameras is '', which is no topic",
    "[a, a]": "cameras names 'a' twice",
    "[a, /a]": "cameras names 'a' twice",
    "[a//b]": "cameras is 'a//b', which is no topic",
    "['/x/{sub}']": "cameras is '/x/{sub}', which is no topic",
    "[/front/image, 'rear image']": "cameras is 'rear image', which is no topic",
    f"[{'a' * 250}]": "which is no topic",
    "[debug_image]": "is a topic of the node itself",
    "[/rear/image, /rear/image/detections]": "is a topic of the node itself",
    "[1, 2]": "cameras is [1, 2]; it must be a list of texts",
    "image": "cameras is 'image'; it must be a list of texts",
}


@pytest.mark.parametrize(
    ("kind", "parameter", "words"),
    [
        *((PerceptionNode, f"cameras:={value}", words) for value, words in CAMERAS.items()),
        (PerceptionNode, "sla.latency_ms:=true", "sla.latency_ms is True; it must be a number"),
        (PerceptionNode, "sla.latency_ms:=.nan", "sla.latency_ms is nan; it must be from"),
        (PerceptionNode, "sla.latency_ms:=.inf", "sla.latency_ms is inf; it must be from"),
        (PerceptionNode, "debug.jpeg_quality:=80.0", "80.0; it must be a whole number"),
        (PerceptionNode, "detector:=5.0", "detector is 5.0; it must be a text"),
        (PerceptionNode, "detector:=5", "detector is '5'; choose"),
        (PerceptionNode, "autostart:=1", "autostart is 1; it must be true or false"),
        (PerceptionNode, "cpu_load_topic:=system_load", "uses /system_load already"),
        (PerceptionNode, "gpu_load_topic:=rosout", "uses /rosout already"),
        (PerceptionNode, "cpu_load_topic:='not a topic!'", "'not a topic!', which is no topic"),
        (PerceptionNode, "sla.latency_ms:=0.0", "sla.latency_ms is 0.0; it must be from"),
        (PerceptionNode, "sla.latency_ms:=fast", "sla.latency_ms is 'fast'; it must be a number"),
        (PerceptionNode, "image_transport:=pigeon", "image_transport is 'pigeon'; choose"),
        (LoadMonitorNode, "period_s:=fast", "period_s is 'fast'; it must be a number"),
        (LoadMonitorNode, "period_s:=11", "period_s is 11; it must be from 0.05 to 10"),
        (PlayerNode, "rate:=[]", "rate has no value; it must be a number"),
        (PlayerNode, f"source:={'x' * 5000}", "File name too long: 'xxx"),
        (PlayerNode, f"source:={'x' * 240}", "there is no source 'xxx"),
        (PlayerNode, "rate:=0.0", "rate is 0.0; it must be from"),
    ],
)
def test_what_cannot_be_is_refused_at_start_in_one_sentence(start, capfd, kind, parameter, words):
    assert start(kind, parameter) is None
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert len(errors[0]) < 600


@pytest.mark.parametrize("kind", [PerceptionNode, LoadMonitorNode, PlayerNode])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--params-file", "/nowhere.yaml"], "/nowhere.yaml"),
        (["-p", "a:=[1,b"], "a:=[1,b"),
        (["-r", "__ns:=x//y"], "__ns:=x//y"),
        (["--log-level", "loud"], "--log-level loud"),
    ],
)
def test_arguments_of_ros_that_cannot_be(start, capfd, kind, arguments, words):
    assert start(kind, more=arguments) is None
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ROS does not start: ")
    assert words in error


@pytest.mark.parametrize("home", [None, "/proc/nowhere"])
def test_a_home_that_nobody_can_write_to(home):
    # In a process of its own, for ROS sets up its log only once.
    kept = {name: value for name, value in os.environ.items()
            if name not in ("HOME", "ROS_HOME", "ROS_LOG_DIR")}  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-m", "approx_perception.ros.load_monitor_node"],
        env=kept if home is None else {**kept, "HOME": home},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "name a folder that can be written to as ROS_LOG_DIR" in result.stderr
    assert "Traceback" not in result.stderr


def test_whole_numbers_are_taken_for_doubles_and_texts(start, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("/**:\n  ros__parameters:\n    sla: {latency_ms: 20}\n    score_threshold: 0\n")
    given = ("load_timeout_s:=3", "allowed.si:=8")
    node = start(PerceptionNode, *given, more=["--params-file", str(file)])
    assert node.get_parameter("allowed.si").value == "8"
    assert node.set_parameters_atomically([RosParameter("allowed.si", value=4)]).successful
    assert node.get_parameter("allowed.si").value == "4"
    for name, value in (("sla.latency_ms", 20), ("score_threshold", 0), ("load_timeout_s", 3)):
        parameter = node.get_parameter(name)
        assert (parameter.value, parameter.type_) == (value, RosParameter.Type.DOUBLE)
    for name in (p.name for p in PERCEPTION_PARAMETERS if p.is_double and p.live):
        result = node.set_parameters_atomically([RosParameter(name, value=1)])
        # 1 is no quantile.
        is_in_range = name != "sla.quantile"
        assert result.successful == is_in_range
        assert node.get_parameter(name).type_ == RosParameter.Type.DOUBLE
        if is_in_range:
            assert node.get_parameter(name).value == 1.0
    # Sliders of rqt go by these.
    descriptor = node.describe_parameter("sla.latency_ms")
    assert descriptor.floating_point_range[0].to_value == 1000.0
    assert descriptor.type == RosParameter.Type.DOUBLE.value


def test_doubles_of_the_other_nodes(start):
    assert start(LoadMonitorNode, "period_s:=1").get_parameter("period_s").value == 1.0
    rclpy.try_shutdown()
    player = start(PlayerNode, "rate:=2", "source:=synthetic:calm")
    assert player.get_parameter("rate").type_ == RosParameter.Type.DOUBLE


def test_a_camera_has_the_limits_of_all(start):
    node = start(PerceptionNode, "cameras:=[/front/image, /rear/image]", "rear.sla.latency_ms:=0")
    for value, is_taken in (
        (0.0, True), (0, True), (40, True), (0.1, True), (1000.0, True), (1e-300, False),
        (5e-324, False), (-1.0, False), (1000.5, False), (float("nan"), False), (True, False),
        ("fast", False), (0.0999, False),
    ):  # fmt: skip
        result = node.set_parameters_atomically([RosParameter("front.sla.latency_ms", value=value)])
        assert result.successful == is_taken, value
        assert is_taken or "front.sla.latency_ms is " in result.reason
    rclpy.try_shutdown()
    many = ("cameras:=[/front/image, /rear/image]", "front.sla.latency_ms:=1e-300")
    assert start(PerceptionNode, *many) is None


BAD_LOAD_TOPICS = {
    "system_load": "uses /system_load already, as load_topic",
    "/system_load": "uses /system_load already, as load_topic",
    "image": "uses /image already, as sensor_msgs/msg/Image",
    "detections": "uses /detections already",
    "debug_image/compressed": "uses /debug_image/compressed already",
    "/diagnostics": "uses /diagnostics already",
    "/parameter_events": "uses /parameter_events already",
    "~/transition_event": "already, as lifecycle_msgs/msg/TransitionEvent",
    "/a//b": "is no topic", "/x/{sub}": "is no topic", "/a/": "is no topic", "1a": "is no topic",
    "/" + "a" * 250: "is no topic", "not a topic!": "is no topic",
    "/other": "/other carries std_msgs/msg/Float32",
}  # fmt: skip


def test_load_topics_that_cannot_be_are_refused(start):
    node = start(PerceptionNode)
    publisher = node.create_publisher(Float32, "/other", 1)
    for topic, words in BAD_LOAD_TOPICS.items():
        name = "load_topic" if topic == "/other" else "cpu_load_topic"
        before = node.get_parameter(name).value
        result = node.set_parameters_atomically([RosParameter(name, value=topic)])
        assert not result.successful, topic
        assert words in result.reason
        assert len(result.reason) < 500
        assert node.get_parameter(name).value == before
    for topic in ("/board/cpu", "a" * 200, "~/cpu", "/other", ""):
        result = node.set_parameters_atomically([RosParameter("cpu_load_topic", value=topic)])
        assert result.successful, result.reason
    node.destroy_publisher(publisher)


def test_sets_of_what_there_is_not_are_told(start):
    node = start(PerceptionNode)

    def reason(name, value):
        result = node.set_parameters_atomically([RosParameter(name, value=value)])
        assert not result.successful
        return result.reason

    assert reason("sla_latency_ms", 5.0) == (
        "there is no parameter 'sla_latency_ms'; did you mean 'sla.latency_ms'?"
    )
    assert reason("xyzzy", 5.0) == "there is no parameter 'xyzzy'"
    assert reason("detector", "yolox") == "detector is read once, at start; it cannot change live"
    assert reason("sla.latency_ms", None) == "sla.latency_ms has no value; it must be a number"
    assert reason("policy", "x" * 10_000).startswith("policy is 'xxx")
    assert node.set_parameters_atomically([RosParameter("use_sim_time", value=True)]).successful


def test_parameters_given_at_start_that_there_are_not(start, capfd):
    start(PerceptionNode, "sla_ms:=20", "polciy:=fixed")
    told = capfd.readouterr().err
    assert "no parameter 'sla_ms'; did you mean 'sla.latency_ms'?: it is ignored" in told
    assert "no parameter 'polciy'; did you mean 'policy'?" in told
    rclpy.try_shutdown()
    start(LoadMonitorNode, "period:=1.0")
    assert "no parameter 'period'; did you mean 'period_s'?" in capfd.readouterr().err


QUALITIES = {
    "reliability:=nonsense": "reliability is 'nonsense'; choose 'system_default', 'reliable'",
    "reliability:=unknown": "reliability is 'unknown'; choose",
    "reliability:=1": "reliability is '1'; choose",
    "history:=keep_some": "history is 'keep_some'; choose 'system_default', 'keep_last'",
    "depth:=-1": "depth is -1; it must be from 1 to 100000",
    "depth:=5000000000": "depth is 5000000000; it must be from 1",
    "depth:=deep": "depth is 'deep'; it must be a whole number",
}


@pytest.mark.parametrize(("given", "words"), QUALITIES.items())
def test_qualities_of_service_that_cannot_be_are_refused_at_start(start, capfd, given, words):
    two = ("cameras:=[a/image, /b/image]", "image_transport:=compressed")
    assert start(PerceptionNode, f"qos_overrides./image.subscription.{given}") is None
    assert words in capfd.readouterr().err
    assert start(
        PerceptionNode, *two, f"qos_overrides./b/image/compressed.subscription.{given}"
    ) is (None)
    assert words in capfd.readouterr().err


def test_qualities_of_service_that_would_be_ignored_are_told_at_start(start, capfd):
    policies = ("durability:=volatile", "depth:=7", "reliability:=RELIABLE", "deadline:=5")
    start(
        PerceptionNode,
        *(f"qos_overrides./image.subscription.{policy}" for policy in policies),
        "qos_overrides./other.subscription.depth:=3", "qos_overrides./image.publisher.depth:=3",
    )  # fmt: skip
    told = capfd.readouterr().err
    for policy in ("subscription.durability", "subscription.deadline", "publisher.depth"):
        assert (
            f"'qos_overrides./image.{policy}' cannot be changed; choose "
            "'qos_overrides./image.subscription.reliability', " in told
        )
    assert "'qos_overrides./other.subscription.depth' is of no topic whose quality of" in told
    assert "; choose a topic of '/image': it is ignored" in told
    assert told.count("it is ignored") == 4
    rclpy.try_shutdown()
    start(LoadMonitorNode, "qos_overrides./system_load.publisher.depth:=3")
    assert "is of no topic whose quality of service can be changed: it is" in capfd.readouterr().err


def test_changes_are_logged(start, capfd):
    node = start(PerceptionNode)
    for name, value in (("sla.latency_ms", 20), ("classes", ""), ("debug.jpeg_quality", 7)):
        assert node.set_parameters_atomically([RosParameter(name, value=value)]).successful
    told = capfd.readouterr().err
    assert "parameter sla.latency_ms: 20.0, was 100.0" in told
    assert "parameter debug.jpeg_quality: 7, was 80" in told
    assert "parameter classes" not in told
    # A controller sets it with every frame.
    for index in range(200):
        change = [RosParameter("sla.latency_ms", value=21.0 + index)]
        assert node.set_parameters_atomically(change).successful
    assert "parameter sla" not in capfd.readouterr().err
    # Time of its own: no need to wait.
    node._told._clock = FakeClock(node._monotonic.monotonic_ns() + 6 * 10**9)
    node._look_after()
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "parameter sla" in line)
    assert line.endswith(": 220.0, was 219.0 (199 such lines before it not told)")


def test_what_fails_while_it_is_applied_leaves_all_as_it_was(start, monkeypatch):
    node = start(PerceptionNode)
    applied = []

    def apply(settings):
        applied.append(settings.load_timeout_s)
        if settings.load_timeout_s == 7.0:
            raise RuntimeError("no such luck")

    monkeypatch.setattr(node._watch, "_apply", apply)
    result = node.set_parameters_atomically([RosParameter("load_timeout_s", value=7.0)])
    assert (result.successful, result.reason) == (False, "RuntimeError: no such luck")
    assert node.get_parameter("load_timeout_s").value == 2.0
    assert applied == [7.0, 2.0]
