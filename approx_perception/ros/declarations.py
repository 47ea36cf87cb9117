"""Declare the parameters of an interface with descriptions and ranges."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, ReliabilityPolicy

from approx_perception.exceptions import choices, shown
from approx_perception.interface import Parameter

__all__ = ["check_given", "declare_parameters", "no_parameter"]

_TOPIC_PARAMETERS = "qos_overrides."
#: Of topics that a warning names.
_MOST_TOPICS = 8


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


def check_given(
    node: Node, parameters: Iterable[Parameter], image_topics: Sequence[str] = ()
) -> None:
    """Warn of what is given at start beside the declared parameters, as it is ignored.

    Parameters
    ----------
    node
        Whose parameters are declared.
    parameters
        All of its own.
    image_topics
        Resolved topics whose quality of service the user may change.

    Raises
    ------
    ConfigurationError
        If a quality of service is given a value that it cannot have.
    """
    names = [parameter.name for parameter in parameters]
    for name, value in sorted(_given(node).items()):
        if node.has_parameter(name):
            continue
        if name.startswith(_TOPIC_PARAMETERS):
            problem = _qos_problem(name, value, image_topics)
        else:
            problem = no_parameter(name, names)
        if problem:
            node.get_logger().warning(f"{problem}: it is ignored")


def _qos_problem(name: str, value: object, image_topics: Sequence[str]) -> str:
    """Why a quality of service would be ignored; raises where its value cannot be."""
    known = [_qos_parameters(topic) for topic in image_topics]
    for parameter in (parameter for group in known for parameter in group):
        if parameter.name == name:
            # rclpy takes names in any case.
            parameter.accept(value.lower() if isinstance(value, str) else value)
            return ""
    for topic, group in zip(image_topics, known, strict=True):
        if name.startswith(f"{_TOPIC_PARAMETERS}{topic}."):
            return f"{shown(name)} cannot be changed; choose {choices(p.name for p in group)}"
    topics = f"; choose a topic of {choices(image_topics[:_MOST_TOPICS])}" if image_topics else ""
    return f"{shown(name)} is of no topic whose quality of service can be changed{topics}"


def _qos_parameters(topic: str) -> list[Parameter]:
    """What rclpy declares with a subscription that lets users change its quality of service."""
    prefix = f"{_TOPIC_PARAMETERS}{topic}.subscription"
    reliable, last = (
        tuple(policy.name.lower() for policy in kind if policy.name != "UNKNOWN")
        for kind in (ReliabilityPolicy, HistoryPolicy)
    )
    return [
        Parameter(f"{prefix}.reliability", "best_effort", "", names=reliable),
        Parameter(f"{prefix}.history", "keep_last", "", names=last),
        Parameter(f"{prefix}.depth", 1, "", (1, 100_000)),
    ]


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
