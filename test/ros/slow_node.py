"""The perception node; with a file SLOW, frames wait until it is gone, or fail if it has text."""

import os
import sys
import time
from pathlib import Path

from approx_perception.pipeline import CameraGroup
from approx_perception.ros.perception_node import PerceptionNode
from approx_perception.ros.startup import run_node

process = CameraGroup.process


def process_slowly(group, frames):
    outcomes = process(group, frames)
    slow = Path(os.environ["SLOW"])
    if slow.exists() and slow.read_text():
        raise MemoryError
    while slow.exists():
        time.sleep(0.01)
    return outcomes


CameraGroup.process = process_slowly


def start():
    node = PerceptionNode()
    node.start_alone()
    return node


if __name__ == "__main__":
    sys.exit(run_node(start, None))
