"""What a node's process does before it imports anything slow; imports nothing slow itself."""

import os
import signal
from types import FrameType

__all__ = ["end_quietly_when_interrupted"]


def end_quietly_when_interrupted() -> None:
    """End on SIGINT with one word, until `start_node` takes over: imports would give tracebacks."""
    signal.signal(signal.SIGINT, _end)


def _end(number: int, frame: FrameType | None) -> None:
    # At once, for libraries take what is raised in their imports for errors of their own.
    os.write(2, b"interrupted\n")
    os._exit(1)
