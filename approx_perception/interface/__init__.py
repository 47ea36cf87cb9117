"""What users see of the nodes: parameters, topics and services, declared once.

Descriptors, the files in config/, the help of commands and docs/node.md all come from here.
"""

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
from approx_perception.interface.topics import SERVICES, TOPICS, Service, Topic

__all__ = [
    "LOAD_MONITOR_PARAMETERS",
    "PERCEPTION_PARAMETERS",
    "PLAYER_PARAMETERS",
    "SERVICES",
    "SYNTHETIC_FRAME_ID",
    "TOPICS",
    "Parameter",
    "Service",
    "Topic",
    "Value",
    "camera_sla",
    "help_of",
]
