"""Notice more than one source of ROS time: the time jumps between them."""

from rclpy.node import Node

__all__ = ["ClockWatch"]


class ClockWatch:
    """Looks whether several publishers tell a node that goes by simulated time what time it is.

    Parameters
    ----------
    node
        Whose time it is.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._was_told = False

    def problem(self) -> str:
        """What is wrong now, a sentence; empty if nothing. Logged when it begins."""
        node = self._node
        count = node.count_publishers("/clock") if node.get_parameter("use_sim_time").value else 0
        if count < 2:
            self._was_told = False
            return ""
        problem = f"{count} publishers of /clock: ROS time jumps between them; stop all but one"
        if not self._was_told:
            node.get_logger().warning(problem)
        self._was_told = True
        return problem
