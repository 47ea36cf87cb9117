"""What one parameter of a node is."""

from dataclasses import dataclass

from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["Parameter", "Value"]

Value = bool | int | float | str | list[str]

#: How ROS names the type of a default, and what a user has to write.
_TYPES: dict[type, tuple[str, str]] = {
    bool: ("bool", "true or false"), int: ("integer", "a whole number"),
    float: ("double", "a number"), str: ("string", "a text; put it in quotes"),
    list: ("string_array", "a list of texts"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    name
        With dots between groups.
    default
        Its type is the parameter's type.
    description
        Sentences for users.
    limits
        Ends of a number's range, both included.
    names
        What a text may be; empty: anything.
    unit
        Of a number.
    live
        Whether it can change while the node runs; all others are read once, at start.
    unset
        A number below the range that means that nothing is set; None where there is none.
    option
        What commands and the Python API call it; empty: as it is called here.

    Raises
    ------
    ConfigurationError
        If the default is not allowed, or a range is empty: rqt divides by its width.
    """

    name: str
    default: Value
    description: str
    limits: tuple[float, float] | None = None
    names: tuple[str, ...] = ()
    unit: str = ""
    live: bool = False
    unset: float | None = None
    option: str = ""

    def __post_init__(self) -> None:
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ConfigurationError(f"the range of {self.name} is empty: {self.limits}")
        self.accept(self.default)

    @property
    def word(self) -> str:
        """What commands and the Python API call it."""
        return self.option or self.name

    @property
    def is_double(self) -> bool:
        """Whether it is a number with a point; whole numbers are taken as such."""
        return isinstance(self.default, float)

    @property
    def type_name(self) -> str:
        """As ROS calls it."""
        return _TYPES[type(self.default)][0]

    @property
    def text(self) -> str:
        """Description with unit."""
        return f"{self.description} In {self.unit}." if self.unit else self.description

    @property
    def constraints(self) -> str:
        """What a text may be, in words."""
        return f"one of {choices(self.names)}" if self.names else ""

    def accept(self, value: object) -> Value:
        """Check a value, and return it as this parameter's type.

        A whole number is 20.0 for a double, and "20" for a text: ROS reads it without quotes.

        Raises
        ------
        ConfigurationError
            If it is of another type, outside the range or not among the names; echoes it.
        """
        wanted = type(self.default)
        if wanted is list and value is None:
            # How ROS gives an empty list.
            value = []
        if wanted is str and type(value) is int:
            value = str(value)
        # Larger ones have no double.
        is_whole = type(value) is int and value.bit_length() < 1024
        is_taken = type(value) is wanted or (self.is_double and is_whole)
        if isinstance(value, list):
            is_taken = is_taken and all(isinstance(item, str) for item in value)
        if not is_taken:
            raise ConfigurationError(f"{self.name} {_said(value)}; it must be {_TYPES[wanted][1]}")
        if self.names and value not in self.names:
            raise ConfigurationError(f"{self.name} {_said(value)}; choose {choices(self.names)}")
        if self.limits is not None and isinstance(value, (int, float)):
            low, high = self.limits
            # Written so that nan is refused.
            if not low <= value <= high and value != self.unset:
                unset = "" if self.unset is None else f", or {self.unset!r}"
                raise ConfigurationError(
                    f"{self.name} {_said(value)}; it must be from {low:g} to {high:g}{unset}"
                )
        return float(value) if self.is_double else value  # type: ignore[arg-type, return-value]


def _said(value: object) -> str:
    return "has no value" if value is None else f"is {shown(value)}"
