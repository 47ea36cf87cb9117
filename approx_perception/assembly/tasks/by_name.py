"""Find a task by its name."""

from approx_perception.assembly.options import KernelOptions
from approx_perception.assembly.tasks._base import Task
from approx_perception.assembly.tasks.classification import ClassificationTask
from approx_perception.assembly.tasks.detection import DetectionTask
from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["task_of"]

_TASKS: dict[str, Task] = {task.name: task for task in (DetectionTask(), ClassificationTask())}


def task_of(options: KernelOptions) -> Task:
    """The task that options name.

    Raises
    ------
    ConfigurationError
        If there is none of that name.
    """
    name = options.task
    if name not in _TASKS:
        raise ConfigurationError(f"there is no task {shown(name)}; choose {choices(_TASKS)}")
    return _TASKS[name]
