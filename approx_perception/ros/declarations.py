"""Declare the parameters of an interface with descriptions and ranges."""

from collections.abc import Iterable

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from approx_perception.exceptions import ConfigurationError
from approx_perception.interface import Parameter

__all__ = ["declare_parameters"]


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=parameter.text,
        additional_constraints=parameter.constraints,
        read_only=not parameter.live,
    )
    if parameter.limits is not None:
        low, high = parameter.limits
        if parameter.is_double:
            # Step 0: any value between; rclpy refuses values off a step.
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=low, to_value=high, step=0.0)
            ]
        else:
            descriptor.integer_range = [
                IntegerRange(from_value=int(low), to_value=int(high), step=1)
            ]
    return descriptor


def declare_parameters(node: Node, parameters: Iterable[Parameter]) -> None:
    """Declare all parameters of a node, those that can change live first: rqt keeps the order.

    Raises
    ------
    ConfigurationError
        If a value given at start is of the wrong type, outside its range or not among its names.
    """
    for parameter in sorted(parameters, key=lambda parameter: not parameter.live):
        try:
            given = node.declare_parameter(
                parameter.name, parameter.default, _descriptor(parameter)
            ).value
        except Exception as error:  # rclpy's exceptions differ among distributions
            raise ConfigurationError(
                f"parameter {parameter.name} was refused: {error}. {parameter.text}"
            ) from error
        parameter.check(given)
