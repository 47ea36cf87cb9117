"""Declare the parameters of an interface with descriptions and ranges."""

from collections.abc import Iterable
from difflib import get_close_matches

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from approx_perception.exceptions import shown
from approx_perception.interface import Parameter

__all__ = ["declare_parameters", "no_parameter", "warn_of_unknown", "warn_of_unused_qos"]

_TOPIC_PARAMETERS = "qos_overrides."


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=parameter.text,
        additional_constraints=parameter.constraints,
        read_only=not parameter.live,
    )
    if parameter.limits is not None:
        low, high = parameter.limits
        low = low if parameter.unset is None else min(low, parameter.unset)
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
    given = _given(node)
    for parameter in sorted(parameters, key=lambda parameter: not parameter.live):
        # rclpy would refuse a whole number for a double, and say nothing of what would do.
        is_given = parameter.name in given
        value = parameter.accept(given[parameter.name]) if is_given else parameter.default
        node.declare_parameter(parameter.name, value, _descriptor(parameter), ignore_override=True)


def _given(node: Node) -> dict[str, object]:
    """Parameters that the user gave at start; rclpy has no public way to ask."""
    return {name: given.value for name, given in node._parameter_overrides.items()}


def warn_of_unknown(node: Node, parameters: Iterable[Parameter]) -> None:
    """Warn of parameters given at start that the node does not have; all of its are declared."""
    names = [parameter.name for parameter in parameters]
    for name in sorted(_given(node)):
        # Those of topics are declared with the topics.
        if not node.has_parameter(name) and not name.startswith(_TOPIC_PARAMETERS):
            node.get_logger().warning(f"{no_parameter(name, names)}: it is ignored")


def warn_of_unused_qos(node: Node) -> None:
    """Warn of qualities of service given at start that are of no topic; all are declared."""
    for name in sorted(_given(node)):
        if not node.has_parameter(name) and name.startswith(_TOPIC_PARAMETERS):
            node.get_logger().warning(
                f"{shown(name)} is of no topic whose quality of service can be changed: it is "
                "ignored"
            )


def no_parameter(name: str, names: Iterable[str]) -> str:
    """Say that there is no such parameter, and which may have been meant."""
    # "sla_ms" has words of "sla.latency_ms", but looks more like "sla.scope".
    names = sorted(names, key=len)
    with_words = [known for known in names if _words(name) <= _words(known)]
    near = with_words or get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no parameter {shown(name)}{hint}"


def _words(name: str) -> set[str]:
    return set(name.lower().replace("_", ".").split("."))
