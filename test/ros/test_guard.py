"""Nodes live on, whatever their callbacks raise and whatever they are sent."""

import signal

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

import rclpy
from approx_perception.msg import SystemLoad
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from approx_perception.exceptions import described
from approx_perception.ros import qos
from approx_perception.ros.guard import GuardedExecutor
from test.ros.conftest import wait_for_exit


def test_what_callbacks_raise_is_answered_logged_and_told(graph):
    loads = graph.hear(SystemLoad, "system_load", qos.RESULTS)
    said = graph.hear(DiagnosticArray, "/diagnostics")
    node = graph.start("test.ros.failing_node", period_s=0.1)
    name = "load_monitor_node"
    answer = graph.call(Trigger, f"{name}/fail")
    assert (answer.success, answer.message) == (False, "MemoryError")
    answer = graph.call(SetBool, f"{name}/fail_awaiting")
    assert (answer.success, answer.message) == (False, "KeyError: 'nothing'")
    parameters = [Parameter(key, value=1).to_parameter_msg() for key in ("number", "number")]
    results = graph.call(SetParameters, f"{name}/set_parameters", parameters=parameters).results
    assert [(r.successful, r.reason) for r in results] == [(False, "MemoryError")] * 2
    atomic = f"{name}/set_parameters_atomically"
    result = graph.call(SetParametersAtomically, atomic, parameters=parameters).result
    assert (result.successful, result.reason) == (False, "MemoryError")
    assert graph.call(GetParameters, f"{name}/get_parameters", names=["number"]).values
    assert graph.wait(lambda: len(loads) > 10)
    status = next(s for s in said[-1].status if s.name == f"{name}: callbacks")
    assert status.level == b"\x02"
    assert status.message.startswith("a callback failed (failing_node.py, line ")
    assert status.message.endswith("ZeroDivisionError: no load")
    # Once a period, and not each of the failures of a second.
    assert node.log.count("ZeroDivisionError") < len(loads)
    assert "/fail failed (failing_node.py, line " in node.log
    node.send(signal.SIGINT)
    assert wait_for_exit(node) == 0
    graph.processes.clear()


@pytest.fixture
def node(domain_id):
    rclpy.init(domain_id=domain_id)
    node = Node("guarded_node")
    yield node
    node.destroy_node()
    rclpy.shutdown()


class PoorExecutor(GuardedExecutor):
    """Without memory for its first two messages."""

    messages = 0

    def _take_subscription(self, subscription):
        self.messages += 1
        if self.messages == 1:
            raise MemoryError
        if self.messages == 2:
            # As rclpy's bindings say it.
            raise RuntimeError("Unable to convert call argument '0' to Python object")
        return super()._take_subscription(subscription)


@pytest.mark.parametrize("message", [String(data="a"), Image(width=1)], ids=["string", "image"])
def test_a_message_without_memory_for_it_is_missed_and_not_those_after_it(
    node, message, monkeypatch
):
    monkeypatch.setattr("rclpy.executors.get_default_context", lambda: node.context)
    told, heard = [], []
    executor = PoorExecutor(lambda what, error: told.append((what, described(error))))
    executor.add_node(node)
    node.create_subscription(type(message), "narrow", heard.append, 10)
    publisher = node.create_publisher(type(message), "narrow", 10)
    for _ in range(200):
        if heard:
            break
        publisher.publish(message)
        executor.spin_once(0.1)
    executor.shutdown()
    assert told == [
        ("taking a message of /narrow", "MemoryError"),
        ("taking a message of /narrow", "it is malformed, or there is no memory for it"),
    ]
    assert heard[0] == message
