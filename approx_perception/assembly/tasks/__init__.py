"""What kernels are for: all that assembly has to know of a task, one file each."""

from approx_perception.assembly.tasks._base import NeuralNetwork, Task
from approx_perception.assembly.tasks.by_name import task_of

__all__ = ["NeuralNetwork", "Task", "task_of"]
