"""What a user may give, checked as the node checks its parameters."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.interface import PERCEPTION_PARAMETERS

__all__ = ["accepted", "is_whole", "size_of"]

_PARAMETERS = {parameter.word: parameter for parameter in PERCEPTION_PARAMETERS}
#: The SLA checks its own numbers, here as on the command line; those of the node fit a slider.
_CHECKED_BY_SLA = ("sla_ms", "sla_quantile")


def accepted(option: str, value: Any) -> Any:
    """A value as the node's parameter takes it.

    Raises
    ------
    ConfigurationError
        In one sentence that names the option and echoes the value.
    """
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, np.generic):
        value = value.item()
    parameter = _PARAMETERS[option]
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
