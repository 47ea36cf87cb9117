"""Start a node so that what the user got wrong is said in one sentence."""

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import rclpy
from rclpy.node import Node

from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.ros.transport import set_image_transport

__all__ = ["start_node"]

AnyNode = TypeVar("AnyNode", bound=Node)


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
