"""The nodes that run a network, each with all that it offers."""

from dataclasses import dataclass

from approx_perception.interface.parameter import Parameter
from approx_perception.interface.parameters import (
    CLASSIFICATION_PARAMETERS,
    PERCEPTION_PARAMETERS,
)
from approx_perception.interface.topics import (
    CLASSIFICATION_SERVICES,
    CLASSIFICATION_TOPICS,
    DETECTION_SERVICES,
    DETECTION_TOPICS,
    Service,
    Topic,
)

__all__ = ["CLASSIFICATION_NODE", "KERNEL_NODES", "PERCEPTION_NODE", "NodeInterface"]


@dataclass(frozen=True, slots=True)
class NodeInterface:
    """What users see of a node.

    Attributes
    ----------
    name
        Of the node and of its executable.
    parameters, topics, services
        All that it declares; those of single cameras are made of `camera_sla`.
    """

    name: str
    parameters: tuple[Parameter, ...]
    topics: tuple[Topic, ...]
    services: tuple[Service, ...]

    @property
    def outputs(self) -> tuple[Topic, ...]:
        """Topics that each camera has of its own, with its name before them."""
        return tuple(t for t in self.topics if t.direction == "out" and not t.name.startswith("/"))


PERCEPTION_NODE = NodeInterface(
    "perception_node", PERCEPTION_PARAMETERS, DETECTION_TOPICS, DETECTION_SERVICES
)
CLASSIFICATION_NODE = NodeInterface(
    "classification_node", CLASSIFICATION_PARAMETERS, CLASSIFICATION_TOPICS, CLASSIFICATION_SERVICES
)
#: By task.
KERNEL_NODES = {"detection": PERCEPTION_NODE, "classification": CLASSIFICATION_NODE}
