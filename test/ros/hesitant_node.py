"""The perception node, but it cannot begin to work."""

import sys

from approx_perception.ros.perception_node import PerceptionNode
from approx_perception.ros.startup import run_node


class HesitantNode(PerceptionNode):
    def __init__(self):
        super().__init__()
        self._runtime._direct = self._hesitate

    def _hesitate(self, worker, settings):
        raise RuntimeError("perhaps")


def start():
    node = HesitantNode()
    node.start_alone()
    return node


if __name__ == "__main__":
    sys.exit(run_node(start, None))
