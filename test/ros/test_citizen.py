"""What tools of ROS expect of a node, on one node that all tests share."""

import random

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import DetectionArray
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParametersAtomically,
)
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import ImageMarker

from approx_perception.datasets.image_messages import ImageDecoder, stamp_ns
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.interface import PERCEPTION_PARAMETERS
from approx_perception.ros import qos
from approx_perception.ros.ecosystem import message_class
from test.ros.conftest import Camera

NODE = "/perception_node"
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture(scope="module")
def graph(shared_graph):
    shared_graph.start_perception(sla__latency_ms=500.0)
    shared_graph.start("player_node", source="synthetic:crowd", loop=True)
    assert shared_graph.wait(lambda: len(shared_graph.frames) > 5)
    return shared_graph


def next_frame(graph, done=lambda frame: True, timeout_s=20):
    """A frame that was not there yet, for which something holds."""
    known = len(graph.frames)
    assert graph.wait(lambda: any(done(f) for f in graph.frames[known:]), timeout_s)
    return [f for f in graph.frames[known:] if done(f)][-1]


def test_player_and_perception_over_real_topics(graph):
    assert graph.wait(lambda: len(graph.frames) > 40)
    frames = graph.frames
    assert all(frame.processing_ms > 0 for frame in frames)
    assert any((frame.output.track_ids >= 0).any() for frame in frames)
    assert all(frame.decision.branch for frame in frames)
    stamps = [frame.stamp_ns for frame in frames]
    assert stamps == sorted(set(stamps))
    graph.check()


def test_sla_takes_effect_live_and_bad_ones_are_refused(graph):
    graph.set(sla__latency_ms=1000.0)
    loose = next_frame(graph, lambda f: f.decision.sla_latency_ms == 1000.0).decision
    for name, value in (
        ("sla.latency_ms", 0.0), ("sla.latency_ms", -3.0), ("sla.latency_ms", "fast"),
        ("sla.latency_ms", True), ("sla.quantile", 1.5), ("sla.scope", "week"),
        ("policy", "best"), ("branch", "shape=9000"), ("score_threshold", 2.0),
        ("detector", "yolox"),
    ):  # fmt: skip
        with pytest.raises(ApproxPerceptionError, match="perception_node refused"):
            graph.recorder.set_parameters({name: value}, graph.check)
    graph.set(sla__latency_ms=0.5)
    tight = next_frame(graph, lambda f: f.decision.sla_latency_ms == 0.5).decision
    assert tight.branch != loose.branch
    assert "no branch fits" in tight.reason
    graph.set(sla__latency_ms=1000.0)
    next_frame(graph, lambda f: f.decision.branch == loose.branch)
    graph.set(sla__latency_ms=500.0)


def test_other_parameters_take_effect_live(graph):
    branch = "shape=160,nprop=5,si=4,tracker=median_flow,ds=1"
    graph.set(policy="fixed", branch=branch, score_threshold=0.6)
    next_frame(graph, lambda f: f.decision.branch == branch)
    graph.rest(1.0)
    frames = graph.frames[-12:]
    assert {frame.decision.run_detector for frame in frames} == {True, False}
    assert all((frame.output.scores >= 0.6).all() for frame in frames)
    graph.set(policy="most_accurate", branch="", score_threshold=0.3)


def test_every_parameter_describes_itself(graph):
    names = [parameter.name for parameter in PERCEPTION_PARAMETERS]
    listed = graph.call(ListParameters, f"{NODE}/list_parameters").result.names
    assert set(names) <= set(listed)
    assert "qos_overrides./image.subscription.reliability" in listed
    described = graph.call(DescribeParameters, f"{NODE}/describe_parameters", names=names)
    for parameter, told in zip(PERCEPTION_PARAMETERS, described.descriptors, strict=True):
        assert told.description == parameter.text
        assert told.read_only == (not parameter.live)
        ranges = [*told.floating_point_range, *told.integer_range]
        wanted = []
        if parameter.limits:
            low, high = parameter.limits
            # ROS knows one range: what unsets a parameter is in it.
            wanted = [(low if parameter.unset is None else parameter.unset, high)]
        assert [(r.from_value, r.to_value) for r in ranges] == wanted
        assert all(r.step == 0.0 for r in told.floating_point_range)


def test_sets_are_validated_together_and_all_or_nothing(graph):
    def set_all(**values):
        parameters = [
            RosParameter(name.replace("__", "."), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
        name = f"{NODE}/set_parameters_atomically"
        return graph.call(SetParametersAtomically, name, parameters=parameters).result

    def value(name):
        answer = graph.call(GetParameters, f"{NODE}/get_parameters", names=[name])
        return answer.values[0].string_value

    # Fixed alone is fine, this branch alone too; but not a policy that tracks with this one.
    refused = set_all(policy="triggered", branch="shape=160,nprop=5,si=1", classes="")
    assert not refused.successful
    assert "needs a branch that tracks" in refused.reason
    assert value("policy") == "most_accurate"
    assert value("branch") == ""
    assert set_all(policy="fixed", branch="shape=160,nprop=5,si=1").successful
    frame = next_frame(graph, lambda f: f.decision.branch == "shape=160,nprop=5,si=1")
    assert frame.decision.reason.endswith("fixed by the user")
    assert set_all(policy="most_accurate", branch="").successful
    # AdaScale detects in every frame.
    assert set_all(policy="adascale").successful
    for values in ({"allowed__si": "4"}, {"allowed__si": "4", "branch": "shape=160,nprop=5,si=4"}):
        refused = set_all(**values)
        assert not refused.successful
        assert "has no branch with si=1 that is allowed" in refused.reason
    assert set_all(allowed__si="4", policy="most_accurate").successful
    assert not set_all(policy="adascale").successful
    assert set_all(allowed__si="").successful


def test_what_is_allowed_and_wanted_changes_live(graph):
    # On a busy machine only this tells that a change was made.
    graph.set(allowed__shape="224", allowed__si="1")
    next_frame(
        graph, lambda f: f.decision.branch.startswith("shape=224") and "si=1" in f.decision.branch
    )
    graph.set(allowed__shape="160", allowed__si="4")
    frame = next_frame(
        graph, lambda f: f.decision.branch.startswith("shape=160") and "si=4" in f.decision.branch
    )
    name = next(iter(frame.class_names.values()), None) or "disc"
    names = graph.hear(DetectionArray, "detections", qos.RESULTS)
    graph.set(allowed__shape="", allowed__si="", classes=name)
    graph.rest(1.0)
    names.clear()
    assert graph.wait(lambda: len(names) > 10)
    assert {d.class_id for message in names for d in message.detections} <= {name}
    with pytest.raises(ApproxPerceptionError, match="'unicorn', which the network does not know"):
        graph.set(classes="unicorn")
    graph.set(classes="")


def test_load_topics_change_live(graph):
    graph.set(cpu_load_topic="/board/cpu")
    assert graph.wait(lambda: "/board/cpu (not heard yet)" in graph.diagnostics["load topics"], 10)
    for topic, words in (
        ("not a topic!", "is no topic"), ("/x/{sub}", "is no topic"), ("image", "uses /image"),
        ("system_load", "uses /system_load"), ("decision", "uses /decision"),
        ("/" + "a" * 250, "is no topic"),
    ):  # fmt: skip
        with pytest.raises(ApproxPerceptionError, match=words):
            graph.set(cpu_load_topic=topic)
    # What was listened to is still.
    assert "/board/cpu" in graph.diagnostics["load topics"]
    speaker = graph.node.create_publisher(Image, "/board/image", 1)

    def name_it_anew():
        # Taken until the node has heard of the publisher, and then not looked at again.
        graph.set(gpu_load_topic="")
        graph.set(gpu_load_topic="/board/image")

    with pytest.raises(ApproxPerceptionError, match="/board/image carries sensor_msgs/msg/Image"):
        graph.wait(name_it_anew, 20)
    graph.node.destroy_publisher(speaker)
    graph.set(cpu_load_topic="", load_topic="")
    assert graph.wait(lambda: graph.diagnostics["load topics"] == "none", 10)
    graph.set(load_topic="system_load")


def test_debug_outputs_only_while_somebody_listens(graph):
    publishers = {topic: graph.node.count_publishers(topic)
                  for topic in ("debug_image", "debug_image/compressed", "markers")}  # fmt: skip
    assert set(publishers.values()) == {1}
    raw = graph.hear(Image, "debug_image", RELIABLE)
    jpeg = graph.hear(CompressedImage, "debug_image/compressed", BEST_EFFORT)
    markers = graph.hear(ImageMarker, "markers")
    assert graph.wait(lambda: raw and jpeg and any(m.points for m in markers), 20)
    drawn = raw[-1]
    assert graph.wait(lambda: stamp_ns(drawn.header) in {f.stamp_ns for f in graph.frames}, 20)
    image = ImageDecoder().raw(drawn)
    assert image.shape == (480, 640, 3)
    assert ImageDecoder().compressed(jpeg[-1]).shape == image.shape
    marker = next(m for m in markers if m.points)
    # Four lines of two points a box, each with its colour.
    assert len(marker.points) % 8 == 0
    assert len(marker.points) == len(marker.outline_colors)
    graph.set(debug__max_rate_hz=2.0)
    graph.rest(1.0)
    raw.clear()
    graph.rest(3.0)
    assert 3 <= len(raw) <= 9
    graph.set(debug__max_rate_hz=10.0)


def test_boxes_for_now(graph):
    """Under a stamp of their own, while somebody listens and the user wants them."""
    assert graph.node.count_publishers("detections_forecast") == 1
    heard = graph.hear(DetectionArray, "detections_forecast")
    assert graph.wait(lambda: any(m.detections for m in heard), 20)
    now = graph.node.get_clock().now().nanoseconds
    message = next(m for m in heard if m.detections)
    assert message.header.frame_id == "synthetic_camera"
    frames = {f.stamp_ns: f for f in graph.frames}
    late_ms = message.age_ms
    assert abs(stamp_ns(message.header) - 1e6 * late_ms - min(
        frames, key=lambda s: abs(s + 1e6 * late_ms - stamp_ns(message.header))
    )) < 1e5  # fmt: skip
    assert stamp_ns(message.header) < now
    graph.set(forecast__horizon_ms=500.0)
    heard.clear()
    assert graph.wait(lambda: heard and stamp_ns(heard[-1].header) > now + 10**8, 20)
    for value in (-2.0, -0.5, 5000.0, float("nan")):
        with pytest.raises(ApproxPerceptionError, match=r"forecast.horizon_ms is .* or -1\.0"):
            graph.set(forecast__horizon_ms=value)
    graph.set(forecast__horizon_ms=-1.0)
    assert graph.wait(
        lambda: "nothing is published on /detections_forecast: forecast.horizon_ms is -1.0"
        in graph.processes[0].last_words(), 20,
    )  # fmt: skip
    heard.clear()
    graph.rest(0.5)
    assert not heard
    graph.set(forecast__horizon_ms=0.0)
    assert graph.wait(lambda: heard, 20)


def test_messages_of_vision_msgs(graph):
    array_type = message_class("vision_msgs/msg/Detection2DArray")
    if array_type is None:
        pytest.skip("vision_msgs is not installed")
    arrays = graph.hear(array_type, "detections_2d")
    labels = graph.hear(message_class("vision_msgs/msg/LabelInfo"), "label_info", LATCHED)
    assert graph.wait(lambda: labels and any(a.detections for a in arrays), 20)
    array = next(a for a in arrays if a.detections)
    frame = next(f for f in graph.frames if f.stamp_ns == stamp_ns(array.header))
    assert array.header.frame_id == "synthetic_camera"
    assert len(array.detections) == len(frame.output)
    for index, detection in enumerate(array.detections):
        x1, y1, x2, y2 = frame.output.boxes[index]
        centre = detection.bbox.center.position
        np.testing.assert_allclose(
            [centre.x, centre.y, detection.bbox.size_x, detection.bbox.size_y],
            [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], rtol=1e-4, atol=1e-2,
        )  # fmt: skip
        track_id = frame.output.track_ids[index]
        assert detection.id == ("" if track_id < 0 else str(track_id))
        class_id = frame.output.class_ids[index]
        assert detection.results[0].hypothesis.class_id == frame.class_names[class_id]
    assert [c.class_id for c in labels[0].class_map] == list(range(8))


def test_messages_of_foxglove(graph):
    message_type = message_class("foxglove_msgs/msg/ImageAnnotations")
    if message_type is None:
        pytest.skip("foxglove_msgs is not installed")
    heard = graph.hear(message_type, "annotations")
    assert graph.wait(lambda: any(m.points for m in heard), 20)
    message = next(m for m in heard if m.points)
    assert len(message.points) == len(message.texts)
    assert all(len(line.points) == 4 for line in message.points)


@pytest.mark.parametrize("subscriber", [BEST_EFFORT, RELIABLE], ids=["best_effort", "reliable"])
@pytest.mark.parametrize("publisher", [BEST_EFFORT, RELIABLE], ids=["best_effort", "reliable"])
def test_every_reliability_is_served(graph, publisher, subscriber):
    heard = graph.hear(DetectionArray, "detections", subscriber)
    camera = Camera(graph, profile=publisher)
    sent = [camera.image(stamp_ns=(7 + i) * 10**12) for i in range(200)]
    stamps = {stamp_ns(message.header) for message in sent}
    for message in sent:
        camera.send(message)
        graph.rest(0.05)
        if any(stamp_ns(m.header) in stamps for m in heard):
            break
    assert any(stamp_ns(m.header) in stamps for m in heard)
    camera.close()


def test_a_subscriber_that_asks_for_too_much_is_told_of(graph):
    graph.hear(DetectionArray, "decoy")
    subscription = graph.node.create_subscription(
        DetectionArray, "detections", lambda _: None, LATCHED
    )
    assert graph.wait(
        lambda: "detections: the other side's quality of service" in graph.diagnostics["message"],
        20,
    )
    graph.node.destroy_subscription(subscription)
    # Not for ever.
    assert graph.wait(lambda: "quality of service" not in graph.diagnostics["message"], 20)


def test_services(graph):
    assert graph.call(SetBool, f"{NODE}/enable", data=False).success
    assert graph.wait(lambda: graph.diagnostics["enabled"] == "false", 10)
    graph.rest(0.5)
    count = len(graph.frames)
    graph.rest(1.0)
    assert len(graph.frames) == count
    assert graph.call(SetBool, f"{NODE}/enable", data=True).success
    assert graph.wait(lambda: len(graph.frames) > count + 20)
    old = {i for f in graph.frames[-10:] for i in f.output.track_ids.tolist() if i >= 0}
    assert graph.call(Trigger, f"{NODE}/reset_tracks").success
    graph.rest(2.0)
    new = {i for f in graph.frames[-10:] for i in f.output.track_ids.tolist() if i >= 0}
    assert old and new and not old & new
    answer = graph.call(Trigger, f"{NODE}/recalibrate")
    assert answer.success
    assert "measuring every part again" in answer.message
    count = len(graph.frames)
    assert graph.wait(lambda: "recalibrated" in graph.processes[0].last_words(), 30)
    assert graph.wait(lambda: len(graph.frames) > count + 5)


GOOD_AND_BAD = {
    "sla.latency_ms": [5.0, 80.0, 1000.0, -1.0, 0.0, 1e9, 50, "fast", float("nan"), True],
    "sla.quantile": [0.5, 0.9, 0.999, 1.0, 0.0, "most"],
    "sla.scope": ["frame", "gof", "week", ""],
    "policy": ["most_accurate", "fastest", "fixed", "approxdet", "adascale", "triggered", "best"],
    "branch": ["", "shape=160", "si=4", "shape=9000", "nonsense", "tracker=kcf"],
    "allowed.shape": ["", "160", "160,224", "161", ","],
    "allowed.si": ["", "1", "4", "two"],
    "allowed.tracker": ["", "median_flow", "median_flow:1", "csrt"],
    "score_threshold": [0.0, 0.3, 1.0, 2.0, -0.5],
    "classes": ["", "unicorn"],
    "forecast.horizon_ms": [0.0, 100.0, -1.0, -2.0, "soon"],
    "load_topic": ["system_load", "", "no topic!"],
    "cpu_load_topic": ["", "/board/cpu", "image", "system_load", "/a//b", "/x/{sub}"],
    "load_timeout_s": [0.5, 2.0, 0.0],
    "debug.max_rate_hz": [1.0, 30.0, 0.0],
    "debug.jpeg_quality": [1, 100, 101],
    "diagnostics.max_allowed_processing_time_ms": [10.0, 200.0, -4.0],
    "detector": ["yolox"],
    "no.such.parameter": [1],
}


def test_a_thousand_random_sets_while_images_flow(graph):
    chance = random.Random(5)
    outcomes = {True: 0, False: 0}
    before = len(graph.frames)
    for _ in range(1000):
        name = chance.choice(list(GOOD_AND_BAD))
        try:
            graph.recorder.set_parameters({name: chance.choice(GOOD_AND_BAD[name])}, graph.check)
            outcomes[True] += 1
        except ApproxPerceptionError as error:
            assert "refused" in str(error)
            outcomes[False] += 1
    assert min(outcomes.values()) > 200
    assert len(graph.frames) > before + 20
    # One by one, as ROS sets them: load_topic may have the name that this one has now.
    graph.set(cpu_load_topic="")
    graph.set(**{name.replace(".", "__"): values[0] for name, values in GOOD_AND_BAD.items()
                 if name not in ("detector", "no.such.parameter")})  # fmt: skip
    graph.set(sla__latency_ms=500.0, sla__quantile=0.95, score_threshold=0.3)
    frame = next_frame(graph, lambda f: f.decision.sla_latency_ms == 500.0)
    assert frame.decision.branch
    assert "Traceback" not in graph.processes[0].last_words()


def test_a_publisher_that_starts_again(graph):
    player = graph.processes.pop()
    player.stop()
    assert graph.wait(lambda: "no image for" in graph.diagnostics["message"], 10)
    graph.start("player_node", source="synthetic:calm", loop=True)
    next_frame(graph)
    assert graph.wait(lambda: "no image" not in graph.diagnostics["message"], 10)
