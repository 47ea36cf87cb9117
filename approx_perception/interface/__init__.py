"""What users see of the nodes: parameters, topics and services, declared once.

Descriptors, the files in config/, the help of commands and docs/node.md all come from here.
"""

from approx_perception.interface.nodes import (
    CLASSIFICATION_NODE,
    KERNEL_NODES,
    PERCEPTION_NODE,
    NodeInterface,
)
from approx_perception.interface.parameter import Parameter, Value
from approx_perception.interface.parameters import (
    CLASSIFICATION_PARAMETERS,
    KERNEL_PARAMETERS,
    LOAD_MONITOR_PARAMETERS,
    PERCEPTION_PARAMETERS,
    PLAYER_PARAMETERS,
    SYNTHETIC_FRAME_ID,
    camera_sla,
    help_of,
)
from approx_perception.interface.topics import DETECTIONS_TYPES, Service, Topic

__all__ = [
    "CLASSIFICATION_NODE",
    "CLASSIFICATION_PARAMETERS",
    "DETECTIONS_TYPES",
    "KERNEL_NODES",
    "KERNEL_PARAMETERS",
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
