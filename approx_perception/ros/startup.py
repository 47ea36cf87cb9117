"""Start a node so that what the user got wrong is said in one sentence."""

import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException

from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.ros.transport import set_image_transport

__all__ = ["run_node", "start_node"]

AnyNode = TypeVar("AnyNode")


def start_node(factory: Callable[[], AnyNode], arguments: Sequence[str] | None) -> AnyNode | None:
    """Initialise ROS with the image transport set and build a node.

    Returns
    -------
    The node, or None after an error that was printed; ROS is then shut down again.
    """
    set_image_transport()
    rclpy.init(args=list(arguments) if arguments is not None else None)
    try:
        return factory()
    except ApproxPerceptionError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    rclpy.try_shutdown()
    return None


class StoppableNode(Protocol):
    """A node that has more to end than ROS knows of."""

    def stop(self) -> None:
        """End it."""
        ...

    def destroy_node(self) -> None:
        """Leave the graph."""
        ...


def run_node(factory: Callable[[], StoppableNode], arguments: Sequence[str] | None) -> int:
    """Start a node and let it run until it is told to end; returns the exit code."""
    node = start_node(factory, arguments)
    if node is None:
        return 1
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.stop()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
