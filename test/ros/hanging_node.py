"""The perception node; with a file SLOW, detections wait for its end, or fail if it has text."""

import os
import sys
import time
from pathlib import Path

from approx_perception.kernels.detection import DetectionState
from approx_perception.ros.perception_node import PerceptionNode
from approx_perception.ros.startup import run_node

find = DetectionState.find


def find_slowly(state, frame, branch):
    slow = Path(os.environ["SLOW"])
    if slow.exists() and slow.read_text():
        raise MemoryError("no memory left")
    while slow.exists():
        time.sleep(0.01)
    return find(state, frame, branch)


DetectionState.find = find_slowly


def start():
    node = PerceptionNode()
    node.start_alone()
    return node


if __name__ == "__main__":
    sys.exit(run_node(start, None))
