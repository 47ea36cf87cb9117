"""Files that are made from the interface: config/NODE.yaml and docs/node.md."""

from collections.abc import Iterable

import yaml

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.interface.nodes import KERNEL_NODES, NodeInterface
from approx_perception.interface.parameter import Parameter
from approx_perception.interface.parameters import (
    LOAD_MONITOR_PARAMETERS,
    PLAYER_PARAMETERS,
)
from approx_perception.interface.topics import Topic

__all__ = ["node_page", "parameters_yaml"]

_HEAD = """# Nodes: topics, services and parameters

Made from `approx_perception/interface/` by `approx-perception interface --page`; a test compares.
How to use all this: [robot.md](robot.md).
"""


def parameters_yaml(task: str) -> str:
    """Every parameter of a task's node with its default, as ``--params-file`` takes it.

    Raises
    ------
    ConfigurationError
        If there is no such task.
    """
    if task not in KERNEL_NODES:
        raise ConfigurationError(f"there is no task {shown(task)}; choose {choices(KERNEL_NODES)}")
    node = KERNEL_NODES[task]
    lines = [
        f"# Every parameter of {node.name} with its default; made by",
        f"# `approx-perception interface --yaml --task {task}`. Give a copy with your changes as",
        "# --params-file.",
        "/**:",
        "  ros__parameters:",
    ]
    for parameter in node.parameters:
        lines += _comment(parameter)
        value = yaml.safe_dump(parameter.default, default_flow_style=True).splitlines()[0]
        lines.append(f"    {parameter.name}: {value}")
    return "\n".join(lines) + "\n"


def _comment(parameter: Parameter) -> list[str]:
    """Description, range and use, in lines of at most 100 columns."""
    words = f"{parameter.text} {_range(parameter)}".split()
    lines, line = [], "    #"
    for word in words:
        if len(line) + 1 + len(word) > 100:
            lines.append(line)
            line = "    #"
        line += f" {word}"
    return [*lines, line]


def _range(parameter: Parameter) -> str:
    if parameter.names:
        return f"{parameter.constraints.capitalize()}."
    if parameter.limits is None:
        return ""
    low, high = parameter.limits
    return f"From {low:g} to {high:g}."


def node_page() -> str:
    """Documentation page of all nodes, as Markdown."""
    return "\n".join(
        [
            _HEAD,
            *(line for node in KERNEL_NODES.values() for line in _kernel_node(node)),
            "## load_monitor_node",
            "Publishes `system_load` (approx_perception/msg/SystemLoad).",
            "",
            *_parameters(LOAD_MONITOR_PARAMETERS),
            "",
            "## player_node",
            "Publishes `image` (sensor_msgs/msg/Image), as a camera would.",
            "",
            *_parameters(PLAYER_PARAMETERS),
            "",
        ]
    )


def _kernel_node(node: NodeInterface) -> list[str]:
    return [
        f"## {node.name}",
        "With several cameras each result topic stands below its camera's name, and "
        "`NAME.sla.latency_ms`\n(double, live, 0.0: the node's) is the budget of one camera.",
        "",
        "### Subscribed",
        *_topics(topic for topic in node.topics if topic.direction == "in"),
        "",
        "### Published",
        "*If installed*: only where its message package is. *Lazy*: made only while somebody "
        "subscribes.",
        "",
        *_topics(topic for topic in node.topics if topic.direction == "out"),
        "",
        "### Services",
        "| service | type | |",
        "|---|---|---|",
        *(f"| `{s.name}` | {s.type} | {s.text} |" for s in node.services),
        "",
        "### Parameters",
        "*Live* ones can change while the node runs; all changes of one call are validated "
        "together, and refused with a reason.\nThe others are read once, at start.",
        "",
        *_parameters(node.parameters),
        "",
    ]


def _topics(topics: Iterable[Topic]) -> list[str]:
    rows = ["| topic | type | quality of service | |", "|---|---|---|---|"]
    for topic in topics:
        marks = " ".join(
            mark
            for mark, holds in (("*If installed.*", topic.optional), ("*Lazy.*", topic.lazy))
            if holds
        )
        text = f"{topic.text} {marks}".strip()
        rows.append(f"| `{topic.name}` | {topic.type} | {topic.qos} | {text} |")
    return rows


def _parameters(parameters: Iterable[Parameter]) -> list[str]:
    rows = ["| parameter | type | default | range | live | |", "|---|---|---|---|---|---|"]
    for parameter in parameters:
        default = yaml.safe_dump(parameter.default, default_flow_style=True).splitlines()[0]
        limits = ", ".join(f"`{name}`" for name in parameter.names)
        if parameter.limits is not None:
            unit = f" {parameter.unit}" if parameter.unit else ""
            limits = f"{parameter.limits[0]:g} to {parameter.limits[1]:g}{unit}"
        live = "live" if parameter.live else ""
        rows.append(
            f"| `{parameter.name}` | {parameter.type_name} | `{default}` | {limits} | {live} | "
            f"{parameter.description} |"
        )
    return rows
