"""The perception node, but whose worker dies of the first frame that it must refuse."""

import sys

from approx_perception.ros.perception_node import PerceptionNode
from approx_perception.ros.startup import run_node


class MortalNode(PerceptionNode):
    def _refuse(self, camera, error, what):
        # Passes every guard against errors, as the end of a thread would.
        raise SystemExit


def start():
    node = MortalNode()
    node.start_alone()
    return node


if __name__ == "__main__":
    sys.exit(run_node(start, None))
