"""Notice another node of the same name: both would answer, and be set, as one."""

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

__all__ = ["NameWatch"]

_PERIOD_S = 2.0


class NameWatch:
    """Looks now and then whether a node's name is in the graph more than once; warns once.

    Parameters
    ----------
    node
        Whose name it is.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        #: What is wrong now, a sentence; empty if nothing.
        self.problem = ""
        # Time of its own: ROS time stands still while a bag is paused.
        node.create_timer(_PERIOD_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _look(self) -> None:
        node, before = self._node, self.problem
        own = (node.get_name(), node.get_namespace())
        count = node.get_node_names_and_namespaces().count(own)
        self.problem = (
            f"{count} nodes are called {node.get_fully_qualified_name()}: parameters and services "
            "reach any of them; give each a name of its own (-r __node:=NAME)"
            if count > 1
            else ""
        )
        if self.problem and not before:
            node.get_logger().warning(self.problem)
