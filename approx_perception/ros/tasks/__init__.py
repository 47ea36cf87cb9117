"""What the nodes publish and record, by the task of their network: one small file each."""

from approx_perception.ros.tasks._base import (
    COMMON_BUILDERS,
    DebugOptions,
    NodeTask,
    Published,
    Recorded,
    Values,
)
from approx_perception.ros.tasks.classification import ClassificationNodeTask
from approx_perception.ros.tasks.detection import DetectionNodeTask

__all__ = [
    "COMMON_BUILDERS",
    "NODE_TASKS",
    "DebugOptions",
    "NodeTask",
    "Published",
    "Recorded",
    "Values",
]

#: By the name of the task.
NODE_TASKS: dict[str, NodeTask] = {
    task.name: task for task in (DetectionNodeTask(), ClassificationNodeTask())
}
