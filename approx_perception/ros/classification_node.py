"""The node that classifies: images in, classes and decisions out."""

if __name__ == "__main__":
    from approx_perception.ros.beginning import end_quietly_when_interrupted

    end_quietly_when_interrupted()

import sys
from collections.abc import Sequence

from approx_perception.ros.kernel_node import KernelNode, run_kernel_node
from approx_perception.ros.tasks import NODE_TASKS

__all__ = ["ClassificationNode", "main"]

_TASK = NODE_TASKS["classification"]


class ClassificationNode(KernelNode):
    """Classify image topics, or what another node detected in them."""

    def __init__(self) -> None:
        super().__init__(_TASK)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to end; returns the exit code."""
    return run_kernel_node(ClassificationNode, _TASK, arguments)


if __name__ == "__main__":
    sys.exit(main())
