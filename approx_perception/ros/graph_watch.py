"""What is wrong in the graph around a node: another of its name, more than one source of time."""

from rclpy.node import Node

__all__ = ["GraphWatch"]


class GraphWatch:
    """Looks at the graph when asked; what is wrong is logged when it begins.

    Parameters
    ----------
    node
        Sees the graph.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._before: set[str] = set()

    def problems(self) -> list[str]:
        """What is wrong now, a sentence each."""
        found = {"name": self._name_problem(), "clock": self.clock_problem()}
        for kind, problem in found.items():
            if problem and kind not in self._before:
                self._node.get_logger().warning(problem)
        self._before = {kind for kind, problem in found.items() if problem}
        return [problem for problem in found.values() if problem]

    def _name_problem(self) -> str:
        node = self._node
        own = (node.get_name(), node.get_namespace())
        count = node.get_node_names_and_namespaces().count(own)
        if count < 2:
            return ""
        return (
            f"{count} nodes are called {node.get_fully_qualified_name()}: parameters and services "
            "reach any of them; give each a name of its own (-r __node:=NAME)"
        )

    def clock_problem(self) -> str:
        """Why simulated time jumps; empty if it does not, or time is not simulated."""
        node = self._node
        count = node.count_publishers("/clock") if node.get_parameter("use_sim_time").value else 0
        if count < 2:
            return ""
        return f"{count} publishers of /clock: ROS time jumps between them; stop all but one"
