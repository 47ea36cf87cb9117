"""Names of topics that users choose, checked before anything is subscribed to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rclpy.node import Node

from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.interface import Topic

__all__ = [
    "IMAGE_TYPES",
    "LOAD_TYPES",
    "CameraTopic",
    "camera_topics",
    "detections_topic",
    "foreign_types",
    "own_topics",
    "resolve_load_topics",
]

#: Types of load topics, by the parameters that name them; Float32 is percent, everybody's together.
LOAD_TYPES = {
    "load_topic": "approx_perception/msg/SystemLoad",
    "cpu_load_topic": "std_msgs/msg/Float32",
    "gpu_load_topic": "std_msgs/msg/Float32",
}
#: Types of a camera's topic, by image_transport.
IMAGE_TYPES = {"raw": "sensor_msgs/msg/Image", "compressed": "sensor_msgs/msg/CompressedImage"}

#: What every node has by itself.
_OF_ROS = {
    "/clock": "rosgraph_msgs/msg/Clock",
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
    "/parameter_events": "rcl_interfaces/msg/ParameterEvent",
    "/rosout": "rcl_interfaces/msg/Log",
    "~/transition_event": "lifecycle_msgs/msg/TransitionEvent",
}


@dataclass(frozen=True, slots=True)
class CameraTopic:
    """Where images come from, and the name under which results are published."""

    topic: str
    name: str

    def subscribed(self, transport: str) -> str:
        """Name of the topic that carries its images, ``raw`` or ``compressed``."""
        return self.topic if transport == "raw" else f"{self.topic}/{transport}"


def camera_topics(topics: Sequence[str]) -> list[CameraTopic]:
    """Name cameras: after their topic's namespace where that tells them apart, else the topic.

    A lone camera has no name, and its results have none before them.

    Raises
    ------
    ConfigurationError
        If there is none, or two would have one name.
    """
    if not topics:
        raise ConfigurationError("cameras is empty; name an image topic, as [/camera/image_raw]")
    if len(topics) == 1:
        return [CameraTopic(topics[0], "")]
    whole = [topic.strip("/") for topic in topics]
    if len(set(whole)) < len(whole):
        twice = next(topic for topic, name in zip(topics, whole, strict=True)
                     if whole.count(name) > 1)  # fmt: skip
        raise ConfigurationError(f"cameras names {shown(twice)} twice; name each topic once")
    short = [name.rpartition("/")[0] or name for name in whole]
    names = short if len(set(short)) == len(short) else whole
    return [CameraTopic(topic, name) for topic, name in zip(topics, names, strict=True)]


def _resolve(node: Node, topic: str, parameter: str) -> str:
    try:
        return str(node.resolve_topic_name(topic))
    except Exception as error:  # rclpy's exceptions differ among distributions
        # Without the place in its sources.
        reason = str(error).splitlines()[0].partition(", at /")[0]
        raise ConfigurationError(
            f"{parameter} is {shown(topic)}, which is no topic: {reason}"
        ) from error


def detections_topic(node: Node, topic: str, place: CameraTopic) -> str:
    """Resolve the topic with the detections in a camera's images.

    Of several cameras each has its own, below its name, as the perception node publishes them.

    Raises
    ------
    ConfigurationError
        If it is no topic, or one for all cameras.
    """
    if place.name and topic.startswith("/"):
        raise ConfigurationError(
            f"detections_topic is {shown(topic)}, one for several cameras; name it without a slash "
            f"in front, so that it is below each camera's name: {place.name}{topic}"
        )
    name = f"{place.name}/{topic}" if place.name else topic
    return _resolve(node, name, "detections_topic")


def own_topics(
    node: Node, outputs: Iterable[Topic], places: Sequence[CameraTopic], transport: str
) -> dict[str, str]:
    """Resolve all topics that the node has beside load topics, as ``{topic: type}``.

    ``outputs`` are those that each camera has of its own.

    Raises
    ------
    ConfigurationError
        If a camera's topic is no topic, one of another camera, or one of the node's own.
    """
    cameras = [(p, _resolve(node, p.subscribed(transport), "cameras")) for p in places]
    taken = {_resolve(node, name, "a topic"): kind for name, kind in _OF_ROS.items()}
    for topic in outputs:
        for place in places:
            name = f"{place.name}/{topic.name}" if place.name else topic.name
            taken[_resolve(node, name, f"a result of camera {place.name}")] = topic.type
    for place, name in cameras:
        if name in taken:
            raise ConfigurationError(
                f"cameras names {shown(place.topic)}, but {name} is a topic of the node itself or "
                "of another camera; name each image topic once"
            )
        taken[name] = IMAGE_TYPES[transport]
    return taken


def resolve_load_topics(
    node: Node, names: Mapping[str, str], taken: Mapping[str, str]
) -> dict[str, str]:
    """Resolve load topics, from ``{parameter: topic}`` to ``{topic: parameter}``.

    ``taken`` are the other topics of the node, as `own_topics` gives them.

    Raises
    ------
    ConfigurationError
        If one is no topic, or one that the node already has.
    """
    resolved: dict[str, str] = {}
    for parameter, topic in names.items():
        name = _resolve(node, topic, parameter)
        other = taken.get(name) or resolved.get(name)
        if other is not None:
            raise ConfigurationError(
                f"{parameter} is {shown(topic)}, but the node uses {name} already, as {other}; "
                f"name a topic of type {LOAD_TYPES[parameter]}"
            )
        resolved[name] = parameter
    return resolved


def foreign_types(node: Node, topic: str, expected: str) -> list[str]:
    """Types other than the expected one that others publish on a topic, sorted."""
    publishers = node.get_publishers_info_by_topic(topic)
    return sorted({p.topic_type for p in publishers} - {expected, ""})
