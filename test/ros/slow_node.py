"""The perception node, but a frame takes as long as there is a file, named by SLOW."""

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
    while Path(os.environ["SLOW"]).exists():
        time.sleep(0.01)
    return outcomes


CameraGroup.process = process_slowly


def start():
    node = PerceptionNode()
    node.start_alone()
    return node


if __name__ == "__main__":
    sys.exit(run_node(start, None))
