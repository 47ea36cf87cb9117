"""Bring-up and tear-down as a lifecycle manager does it, with images flowing."""

import signal

import numpy as np
import psutil
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.msg import DetectionArray, SystemLoad
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from std_srvs.srv import Trigger

from approx_perception.ros import qos
from approx_perception.weights.cache import MIRROR
from test.ros.conftest import Camera, wait_for_exit
from test.weights.server import CONTENT, Server

CYCLES = 50
SMALLEST = "name: smallest\nshape: [160]\nnprop: [5]\nsi: [1]\n"
CONFIGURE, ACTIVATE, DEACTIVATE, CLEANUP = (
    Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP,
)  # fmt: skip


def change(graph, transition):
    request = Transition(id=transition)
    return graph.call(ChangeState, "perception_node/change_state", transition=request).success


def state(graph):
    return graph.call(GetState, "perception_node/get_state").current_state.id


def start(graph, module="perception_node", **parameters):
    (graph.folder / "smallest.yaml").write_text(SMALLEST)
    parameters = {
        "space": str(graph.folder / "smallest.yaml"), "precision": "float32",
        "autostart": False, **parameters,
    }  # fmt: skip
    return graph.start(module, **parameters)


@pytest.fixture(scope="module")
def managed(shared_graph):
    return start(shared_graph, calibration__width=64, calibration__height=48)


@pytest.fixture
def idle(shared_graph, managed):
    """One node for several tests, unconfigured again."""
    if state(shared_graph) != State.PRIMARY_STATE_UNCONFIGURED:
        change(shared_graph, DEACTIVATE)
        assert change(shared_graph, CLEANUP)
    shared_graph.forget()
    return managed


def test_fifty_cycles_leak_nothing_and_publish_nothing_old(shared_graph, idle):
    graph, node = shared_graph, idle
    assert state(graph) == State.PRIMARY_STATE_UNCONFIGURED
    heard = graph.hear(DetectionArray, "detections", qos.RESULTS)
    process = psutil.Process(node.pid)
    resident = []
    with Camera(graph, is_heard=False).flowing():
        for cycle in range(CYCLES):
            assert change(graph, CONFIGURE), cycle
            activated_ns = graph.recorder.now_ns()
            assert change(graph, ACTIVATE), cycle
            heard.clear()
            assert graph.wait(lambda: heard, 20), (cycle, node.last_words())
            stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in heard]
            # One may be in the middleware when the node subscribes; older ones would be stale.
            assert min(stamps) > activated_ns - 0.2e9, cycle
            assert change(graph, DEACTIVATE), (cycle, node.last_words())
            # What the middleware still had.
            graph.rest(0.1)
            heard.clear()
            graph.rest(0.05)
            assert not heard, cycle
            assert change(graph, CLEANUP), cycle
            resident.append(process.memory_info().rss)
    assert state(graph) == State.PRIMARY_STATE_UNCONFIGURED
    # The heap breathes by a twentieth from one cycle to the next.
    assert np.median(resident[-10:]) < 1.05 * np.median(resident[5:15])
    assert "Traceback" not in node.last_words()


#: Every id of lifecycle_msgs, those of a transition's own ends, and what is none.
IDS = (*range(10), 10, 11, 12, 20, 30, 40, 50, 60, 61, 62, 99, 255)
UP_AND_DOWN = (
    (CONFIGURE, State.PRIMARY_STATE_INACTIVE, {CONFIGURE, 5}),
    (ACTIVATE, State.PRIMARY_STATE_ACTIVE, {CLEANUP, ACTIVATE, 6}),
    (DEACTIVATE, State.PRIMARY_STATE_INACTIVE, {DEACTIVATE, 7}),
    (CLEANUP, State.PRIMARY_STATE_UNCONFIGURED, {CLEANUP, ACTIVATE, 6}),
    (CONFIGURE, State.PRIMARY_STATE_INACTIVE, {CONFIGURE, 5}),
    (6, State.PRIMARY_STATE_FINALIZED, {CLEANUP, ACTIVATE, 6}),
)


def test_every_transition_in_every_state_is_done_or_refused(graph):
    """As nav2's manager: it asks, waits for the answer, and wants to find the state after it."""
    node = start(graph)
    before = State.PRIMARY_STATE_UNCONFIGURED
    for transition, target, possible in UP_AND_DOWN:
        for number in sorted(set(IDS) - possible):
            assert not change(graph, number), (before, number)
        assert state(graph) == before
        assert change(graph, transition), (before, node.last_words())
        assert state(graph) == target
        before = target
    for number in IDS:
        assert not change(graph, number), number
    assert state(graph) == State.PRIMARY_STATE_FINALIZED
    assert "number 255 refused: the node is finalized; possible now: none" in node.last_words()
    node.send(signal.SIGINT)
    assert wait_for_exit(node) == 0
    graph.processes.clear()


def by_label(graph, label, number=0):
    request = Transition(id=number, label=label)
    return graph.call(ChangeState, "perception_node/change_state", transition=request).success


def test_transitions_by_label(shared_graph, idle):
    graph = shared_graph
    # As the ones of lifecycle_msgs: where there is a label, the id does not count.
    for label in ("activate", "transition_success", "dance", "x" * 10**4):
        assert not by_label(graph, label, CONFIGURE)
    assert "'dance' refused: the node is unconfigured; possible now: configure (1)" in idle.log
    assert by_label(graph, "configure"), idle.last_words()
    assert not by_label(graph, "configure")
    assert by_label(graph, "cleanup")


def test_while_it_configures_it_answers(graph):
    start(graph, space="")
    client = graph.node.create_client(ChangeState, "perception_node/change_state")
    assert graph.wait(client.service_is_ready, 20)
    configured = client.call_async(ChangeState.Request(transition=Transition(id=CONFIGURE)))
    assert graph.wait(lambda: state(graph) == State.TRANSITION_STATE_CONFIGURING, 20)
    for number in IDS:
        assert not change(graph, number), number
    graph.set(sla__latency_ms=77.0)
    with pytest.raises(Exception, match="'week'; choose 'frame' or 'gof'"):
        graph.set(sla__scope="week")
    assert not graph.call(Trigger, "perception_node/recalibrate").success
    assert graph.wait(lambda: graph.diagnostics["state"] == "configuring", 20)
    assert not configured.done()
    assert graph.wait(configured.done)
    assert configured.result().success
    assert change(graph, ACTIVATE)
    camera = Camera(graph)
    camera.send(camera.image())
    assert graph.wait(lambda: graph.frames, 20)
    assert graph.frames[0].decision.sla_latency_ms == 77.0


def test_while_it_downloads_it_answers_and_says_how_far_it_is(graph):
    with Server() as server:
        server.way = "half, then silent"
        graph.variables |= {
            MIRROR: server.address, "XDG_CACHE_HOME": str(graph.folder), "no_proxy": "*"
        }  # fmt: skip
        node = start(graph, space="", weights="yolox_nano", autostart=True)
        said = "configuring: downloading yolox_nano (Apache-2.0) from 127.0.0.1: 50 % of 0.5 MB"
        assert graph.wait(lambda: graph.diagnostics["message"] == said), node.last_words()
        assert state(graph) == State.TRANSITION_STATE_CONFIGURING
        server.may_end.set()
        assert wait_for_exit(node) == 1
    half = len(CONTENT) // 2
    assert (
        f"cannot download yolox_nano from 127.0.0.1: the connection ended after {half}" in node.log
    )
    graph.processes.clear()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_it_while_it_configures(graph, name):
    others = len(left_in(graph))
    node = start(graph, space="", autostart=True)
    # Diagnostics come once a second: a quick start is over before they tell of it.
    assert graph.wait(lambda: "loading the network" in node.log, 60)
    node.send(signal.Signals[name])
    assert wait_for_exit(node) == 0, node.last_words()
    assert "branches, the network takes" not in node.log
    assert "Traceback" not in node.log
    graph.processes.clear()
    assert graph.wait(lambda: len(left_in(graph)) <= others, 5), left_in(graph)


def left_in(graph):
    """Perception nodes that the graph still has; those of other tests may be among them."""
    return [name for name in graph.node.get_node_names() if name == "perception_node"]


def test_what_cannot_be_activated_leaves_nothing_half_done(graph):
    node = start(graph, "test.ros.hesitant_node")
    assert change(graph, CONFIGURE), node.last_words()
    for _ in range(2):
        assert not change(graph, ACTIVATE)
        assert "activating failed: " in node.log.splitlines()[-1]
        assert graph.wait(lambda: "perhaps" in graph.diagnostics["message"], 20), node.last_words()
        assert graph.diagnostics["state"] == "inactive"
    assert graph.node.count_subscribers("image") == 0
    assert change(graph, CLEANUP)
    assert by_label(graph, "shutdown")
    assert state(graph) == State.PRIMARY_STATE_FINALIZED


def test_what_cannot_be_configured_is_told_and_tried_again(graph):
    missing = graph.folder / "names.txt"
    node = start(graph, class_names_file=str(missing))
    assert not change(graph, CONFIGURE)
    assert "configuring failed: " in node.last_words()
    assert graph.wait(lambda: "names.txt" in graph.diagnostics["message"], 20)
    assert graph.diagnostics["state"] == "unconfigured"
    missing.write_text("\n".join(f"class {i}" for i in range(8)))
    assert change(graph, CONFIGURE), node.last_words()
    assert change(graph, ACTIVATE)
    assert graph.wait(lambda: graph.recorder.is_ready, 20)
    camera = Camera(graph)
    camera.send(camera.image())
    assert graph.wait(lambda: graph.frames, 20)
    assert change(graph, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    node.stop()
    assert wait_for_exit(node) == 0
    graph.processes.clear()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_callback_under_way_comes_to_its_end(graph, name):
    heard = graph.hear(SystemLoad, "system_load", qos.RESULTS)
    node = graph.start("test.ros.interrupted_node", signal=name)
    assert graph.wait(lambda: heard, check=lambda: None), node.last_words()
    assert wait_for_exit(node) == 0, node.last_words()
    assert len(heard) == 1
    assert "Traceback" not in node.last_words()


def test_parameters_are_checked_before_there_is_a_space_too(shared_graph, idle):
    graph = shared_graph
    graph.set(sla__latency_ms=40.0)
    with pytest.raises(Exception, match="'week'; choose 'frame' or 'gof'"):
        graph.set(sla__scope="week")
    assert change(graph, CONFIGURE)
    with pytest.raises(Exception, match=r"allowed\.shape names '999'"):
        graph.set(allowed__shape="999")
    assert change(graph, ACTIVATE)
    camera = Camera(graph)
    camera.send(camera.image())
    assert graph.wait(lambda: graph.frames, 20)
    assert graph.frames[0].decision.sla_latency_ms == 40.0


def test_a_dead_worker_is_reported_and_replaced_by_the_next_activation(graph):
    node = start(graph, "test.ros.mortal_node", autostart=True)
    camera = Camera(graph)
    camera.send(camera.image())
    assert graph.wait(lambda: graph.frames, 20)
    broken = camera.image()
    broken.encoding = "smoke"
    camera.send(broken)
    assert graph.wait(lambda: "the worker thread died" in graph.diagnostics["message"], 20)
    assert graph.diagnostics["state"] == "active"
    assert change(graph, DEACTIVATE)
    assert change(graph, ACTIVATE)
    count = len(graph.frames)
    with camera.flowing():
        assert graph.wait(lambda: len(graph.frames) > count, 20), node.last_words()
    assert graph.wait(lambda: "died" not in graph.diagnostics["message"], 20)


def test_large_images_without_a_transport_profile_are_warned_of(graph):
    graph.variables["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(graph.folder / "lost.xml")
    node = start(graph, autostart=True)
    camera = Camera(graph)
    camera.send(camera.image(width=640, height=480))
    assert graph.wait(lambda: "921600 bytes" in node.last_words(), 20), node.last_words()
    assert "lost.xml, which is no file: most may be lost" in node.last_words()
