"""What users see of the nodes: parameters, topics and services, declared once.

Descriptors, the files in config/, the help of commands and docs/node.md all come from here.
"""

from approx_perception.interface.nodes import KERNEL_NODES, PERCEPTION_NODE, NodeInterface
from approx_perception.interface.parameters import (
    LOAD_MONITOR_PARAMETERS,
    PERCEPTION_PARAMETERS,
    PLAYER_PARAMETERS,
    SYNTHETIC_FRAME_ID,
    Parameter,
    Value,
    camera_sla,
    help_of,
)
from approx_perception.interface.topics import Service, Topic

__all__ = [
    "KERNEL_NODES",
    "LOAD_MONITOR_PARAMETERS",
    "PERCEPTION_NODE",
    "PERCEPTION_PARAMETERS",
    "PLAYER_PARAMETERS",
    "SYNTHETIC_FRAME_ID",
    "NodeInterface",
    "Parameter",
    "Service",
    "Topic",
    "Value",
    "camera_sla",
    "help_of",
]
