"""Knobs as text: ``shape=416,si=4``."""

from collections.abc import Collection, Mapping

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.files import whole_number

__all__ = ["check_knobs", "read_knobs"]

#: Least and greatest value of each knob.
Limits = Mapping[str, tuple[int, int]]


def check_knobs(values: Mapping[str, object], limits: Limits) -> None:
    """Refuse values that are no whole numbers inside the limits.

    Raises
    ------
    ConfigurationError
        Naming the first one.
    """
    for name, value in values.items():
        low, high = limits[name]
        if type(value) is not int or not low <= value <= high:
            raise ConfigurationError(
                f"knob {name} is {shown(value)}; it must be a whole number from {low} to {high}"
            )


def read_knobs(text: str, names: Collection[str], limits: Limits) -> dict[str, int | str]:
    """Read the knobs that a text names, each once at most; those with limits are whole numbers.

    Raises
    ------
    ConfigurationError
        If one cannot be understood.
    """
    knobs: dict[str, int | str] = {}
    for item in filter(None, text.split(",")):
        name, separator, value = (part.strip() for part in item.partition("="))
        if not separator or name not in names:
            raise ConfigurationError(
                f"cannot read {shown(item)} in branch {shown(text)}; write knob=value with the "
                f"knobs {choices(names)}"
            )
        if name in knobs:
            raise ConfigurationError(
                f"branch {shown(text)} names {name} twice; name each knob once at most"
            )
        number = whole_number(value) if name in limits else value
        if number is None:
            low, high = limits[name]
            raise ConfigurationError(
                f"knob {name} is {shown(value)} in branch {shown(text)}; it must be a whole number "
                f"from {low} to {high}"
            )
        knobs[name] = number
    return knobs
