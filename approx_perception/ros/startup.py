"""Start a node so that what the user got wrong is said in one sentence, and end it in order."""

import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.ros.transport import set_image_transport

__all__ = ["run_node", "spin_until_told", "start_node"]

AnyNode = TypeVar("AnyNode")

#: How long being told to end may go unnoticed.
_WAIT_S = 0.1


def start_node(factory: Callable[[], AnyNode], arguments: Sequence[str] | None) -> AnyNode | None:
    """Initialise ROS with the image transport set and build a node.

    Returns
    -------
    The node, or None after an error that was printed; ROS is then shut down again.
    """
    set_image_transport()
    # ROS's own handlers end the context at once, and callbacks under way fail where they publish.
    rclpy.init(
        args=list(arguments) if arguments is not None else None,
        signal_handler_options=SignalHandlerOptions.NO,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return factory()
    except ApproxPerceptionError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    rclpy.try_shutdown()
    return None


def spin_until_told(node: Node, is_over: Callable[[], bool] = lambda: False) -> None:
    """Run callbacks until SIGINT or SIGTERM comes, or something is over; each runs to its end."""
    is_told = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal is_told
        is_told = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not is_told and not is_over():
        executor.spin_once(timeout_sec=_WAIT_S)
    executor.shutdown()


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
        spin_until_told(node)
    finally:
        node.stop()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
