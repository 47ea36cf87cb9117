"""What a user may give, checked as the node checks its parameters."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.interface import KERNEL_PARAMETERS
from approx_perception.interface.parameters import task_of_word

__all__ = ["accepted", "is_whole", "of_task", "size_of"]

_PARAMETERS = {
    task: {own.word: own for own in parameters} for task, parameters in KERNEL_PARAMETERS.items()
}
#: The SLA checks its own numbers, here as on the command line; those of the node fit a slider.
_CHECKED_BY_SLA = ("sla_ms", "sla_quantile")


def of_task(words: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Options without those of another task that say nothing."""
    return {
        word: value
        for word, value in words.items()
        if (own := task_of_word(word)) in (None, task) or value != _PARAMETERS[own][word].default
    }


def accepted(option: str, value: Any, task: str = "detection") -> Any:
    """A value as the parameter of the task's node takes it; another task's as it is.

    Raises
    ------
    ConfigurationError
        In one sentence that names the option and echoes the value.
    """
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, np.generic):
        value = value.item()
    parameter = _PARAMETERS[task].get(option)
    if parameter is None:
        return value
    limits = None if option in _CHECKED_BY_SLA else parameter.limits
    return replace(parameter, name=option, limits=limits).accept(value)


def is_whole(value: object) -> bool:
    """Whether it is a whole number, of Python or NumPy."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def size_of(value: tuple[int, int]) -> tuple[int, int]:
    """Width and height in px, or one sentence."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ConfigurationError(f"image_size is {shown(value)}; it must be width and height in px")
    return accepted("width", value[0]), accepted("height", value[1])
