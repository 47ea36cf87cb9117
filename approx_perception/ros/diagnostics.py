"""Publish what the node and each camera say of themselves on /diagnostics, once a second."""

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from approx_perception.ros.health import Judgement

__all__ = ["PERIOD_S", "Diagnostics"]

PERIOD_S = 1.0


class Diagnostics:
    """A plain publisher, so that diagnostic_updater is not needed.

    Parameters
    ----------
    node
        Publishes.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        #: Network and device, once they are known.
        self.hardware_id = ""
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def publish(self, judgements: Mapping[str, Judgement]) -> None:
        """Publish a status for each task, named "node: task"."""
        node = self._node.get_fully_qualified_name().lstrip("/")
        array = DiagnosticArray()
        array.header.stamp = self._node.get_clock().now().to_msg()
        for task, judgement in judgements.items():
            array.status.append(
                DiagnosticStatus(
                    level=bytes([judgement.level]), name=f"{node}: {task}",
                    message=judgement.message, hardware_id=self.hardware_id,
                    values=[KeyValue(key=k, value=v) for k, v in judgement.values.items()],
                )
            )  # fmt: skip
        self._publisher.publish(array)
