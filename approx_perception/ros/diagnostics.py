"""Publish what a node says of itself on /diagnostics, once a second."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from traceback import extract_tb

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.node import Node

from approx_perception.clock import MonotonicClock
from approx_perception.exceptions import described
from approx_perception.ros.graph_watch import GraphWatch
from approx_perception.ros.health import Judgement, Level
from approx_perception.ros.throttled_log import ThrottledLog

__all__ = ["LOG_PERIOD_S", "Diagnostics"]

_PERIOD_S = 1.0
#: What may come with every message is logged once in so many seconds.
LOG_PERIOD_S = 5.0


class Diagnostics:
    """A plain publisher, so that diagnostic_updater is not needed.

    Parameters
    ----------
    node
        Publishes.
    judge
        How things stand, ``{task: judgement}``; how callbacks fare comes before it.
    """

    def __init__(self, node: Node, judge: Callable[[], Mapping[str, Judgement]] = dict) -> None:
        self._node, self._judge = node, judge
        self.graph = GraphWatch(node)
        #: Of the last look, once in `_PERIOD_S`.
        self.graph_problems: list[str] = []
        #: Network and device, once they are known.
        self.hardware_id = ""
        self._failures = self._failures_told = 0
        self._last_failure = ""
        self._told = ThrottledLog(lambda text: node.get_logger().error(text), MonotonicClock())
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Time of its own: ROS time stands still while a bag is paused.
        steady = RosClock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(_PERIOD_S, self.publish, clock=steady)

    def failed(self, what: str, error: Exception) -> None:
        """Log that something which the executor called has raised, and tell it from now on."""
        self._failures += 1
        # There may be no memory for a line; then only the count is told.
        with suppress(Exception):
            place = f"{what} failed{_place(error)}"
            self._last_failure = f"{place}: {described(error)}"
            self._told(place, f"{self._last_failure}; the node goes on")

    def publish(self) -> None:
        """Publish a status for each task, named "node: task"."""
        self._told.look_after()
        try:
            self.graph_problems = self.graph.problems()
            judgements = self._judge()
        except Exception as error:
            self.failed("judging how things stand", error)
            judgements = {}
        node = self._node.get_fully_qualified_name().lstrip("/")
        array = DiagnosticArray()
        array.header.stamp = self._node.get_clock().now().to_msg()
        for task, judgement in {"callbacks": self._callbacks(), **judgements}.items():
            array.status.append(
                DiagnosticStatus(
                    level=bytes([judgement.level]), name=f"{node}: {task}",
                    message=judgement.message, hardware_id=self.hardware_id,
                    values=[KeyValue(key=k, value=v) for k, v in judgement.values.items()],
                )
            )  # fmt: skip
        self._publisher.publish(array)

    def _callbacks(self) -> Judgement:
        is_new = self._failures > self._failures_told
        self._failures_told = self._failures
        values = {
            "failed callbacks": str(self._failures),
            "last failed callback": self._last_failure,
        }
        if is_new:
            return Judgement(Level.ERROR, self._last_failure or "a callback failed", values)
        return Judgement(Level.OK, "none has failed since the last look", values)


def _place(error: Exception) -> str:
    frames = extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
