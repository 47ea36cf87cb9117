"""Start a node so that what the user got wrong is said in one sentence, and end it in order."""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions

from approx_perception.exceptions import ApproxPerceptionError, reason_of
from approx_perception.interface import Parameter
from approx_perception.ros.arguments import refuse_what_is_not_of_ros
from approx_perception.ros.diagnostics import Diagnostics
from approx_perception.ros.guard import GuardedExecutor, NodeEndError, answer_always
from approx_perception.ros.transport import set_image_transport

__all__ = ["run_node", "start_node"]

#: How long being told to end may go unnoticed.
_WAIT_S = 0.1
#: Characters of what rclpy says.
_LONGEST_SENTENCE = 500


class StoppableNode(Protocol):
    """A node that tells what its callbacks raise, and has more to end than ROS knows of."""

    diagnostics: Diagnostics

    def stop(self) -> None:
        """End it."""
        ...

    def destroy_node(self) -> None:
        """Leave the graph."""
        ...


AnyNode = TypeVar("AnyNode")


def start_node(
    factory: Callable[[], AnyNode],
    arguments: Sequence[str] | None,
    parameters: Sequence[Parameter] = (),
) -> AnyNode | None:
    """Initialise ROS with the image transport set and build a node.

    Parameters
    ----------
    factory
        Builds it.
    arguments
        Of the command line, without the program's name; None: those of this process.
    parameters
        Of the node, for ``--help``, which ends the process.

    Returns
    -------
    node
        None after an error that was printed; ROS is then shut down again.
    """
    set_image_transport()
    try:
        refuse_what_is_not_of_ros(arguments, parameters)
        _init(arguments)
        return factory()
    except (ApproxPerceptionError, OSError) as error:
        # Files that the system refuses, as names that are too long, are the user's too.
        print(f"error: {str(error)[:_LONGEST_SENTENCE]}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    except Exception as error:
        # rclpy's exceptions differ among distributions; ours are what is left.
        if not type(error).__module__.startswith("rclpy"):
            raise
        print(f"error: ROS does not start: {_sentence(error)}", file=sys.stderr)
    rclpy.try_shutdown()
    return None


def _init(arguments: Sequence[str] | None) -> None:
    # ROS's own handlers end the context at once, and callbacks under way fail where they publish.
    rclpy.init(
        args=list(arguments) if arguments is not None else None,
        signal_handler_options=SignalHandlerOptions.NO,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def _sentence(error: Exception) -> str:
    """What rclpy says of wrong arguments, without places in its sources; and what would do."""
    text = re.sub(r", at /\S+:\d+", "", reason_of(error))
    if type(error).__name__ == "UnknownROSArgsError":
        text = f"it does not know {text}; for a parameter write --ros-args -p NAME:=VALUE"
    if "log" in text and "directory" in text:
        text += "; name a folder that can be written to as ROS_LOG_DIR"
    return text[:_LONGEST_SENTENCE]


def run_node(
    factory: Callable[[], StoppableNode],
    arguments: Sequence[str] | None,
    parameters: Sequence[Parameter] = (),
) -> int:
    """Start a node and let it run until it is told to end, or says so; returns the exit code."""
    node = start_node(factory, arguments, parameters)
    if node is None:
        return 1
    exit_code = 0
    try:
        _spin_until_told(node)
    except NodeEndError as error:
        if str(error):
            print(f"error: {error}", file=sys.stderr)
            exit_code = 1
    finally:
        node.stop()
        node.destroy_node()
        rclpy.try_shutdown()
    _leave_threads(exit_code)
    return exit_code


def _spin_until_told(node: StoppableNode) -> None:
    """Run callbacks until SIGINT or SIGTERM comes; each runs to its end."""
    is_told = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal is_told
        is_told = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    answer_always(node, node.diagnostics.failed)
    executor = GuardedExecutor(node.diagnostics.failed)
    executor.add_node(node)
    try:
        while not is_told:
            executor.spin_once(timeout_sec=_WAIT_S)
    except ExternalShutdownException:
        return
    finally:
        executor.shutdown()


def _leave_threads(exit_code: int) -> None:
    """End at once where a thread is inside a network: it cannot be told, and would crash later."""
    if threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
