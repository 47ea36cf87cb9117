"""Declare parameters with description and range, from one table a node."""

from collections.abc import Iterable
from dataclasses import dataclass

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from approx_perception.exceptions import ConfigurationError

__all__ = ["Declaration", "Value", "declare_parameters"]

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Declaration:
    """One parameter; ``limits`` are the ends of its range."""

    name: str
    default: Value
    description: str
    limits: tuple[float, float] | None = None
    read_only: bool = False


def _descriptor(declaration: Declaration) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=declaration.description, read_only=declaration.read_only
    )
    if declaration.limits is not None:
        low, high = declaration.limits
        if isinstance(declaration.default, float):
            # Step 0: any value between; rclpy refuses values off a step.
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=low, to_value=high, step=0.0)
            ]
        else:
            descriptor.integer_range = [
                IntegerRange(from_value=int(low), to_value=int(high), step=1)
            ]
    return descriptor


def declare_parameters(node: Node, declarations: Iterable[Declaration]) -> None:
    """Declare all parameters of a node.

    Raises
    ------
    ConfigurationError
        If a value given at start is of the wrong type or outside its range.
    """
    for declaration in declarations:
        try:
            node.declare_parameter(declaration.name, declaration.default, _descriptor(declaration))
        except Exception as error:  # rclpy's exceptions differ among distributions
            raise ConfigurationError(
                f"parameter {declaration.name} was refused: {error}. {declaration.description}"
            ) from error
