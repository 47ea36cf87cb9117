"""Why no image comes, as far as the graph tells."""

from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from approx_perception.ros.misfits import misfit
from approx_perception.ros.topic_names import IMAGE_TYPES, foreign_types

__all__ = ["has_unfit_publisher", "reason_for_silence"]

#: Topics with images that are named, and characters for them.
_MOST_TOPICS = 8
_LONGEST = 400


def _publishers(node: Node, topic: str, transport: str) -> list[Any]:
    """Those on a topic that send the expected type."""
    kinds = (IMAGE_TYPES[transport], "")
    return [p for p in node.get_publishers_info_by_topic(topic) if p.topic_type in kinds]


def has_unfit_publisher(node: Node, topic: str, transport: str, wanted: QoSProfile) -> bool:
    """Whether somebody publishes who offers less than what is wanted; see `reason_for_silence`."""
    return any(misfit(p.qos_profile, wanted) for p in _publishers(node, topic, transport))


def reason_for_silence(node: Node, topic: str, transport: str, wanted: QoSProfile) -> str:
    """Say why nothing comes from a camera, as far as the graph tells.

    ``topic`` is resolved, as it is subscribed to: with ``/compressed`` where that is the transport.
    """
    expected = IMAGE_TYPES[transport]
    if fitting := _publishers(node, topic, transport):
        reasons = [misfit(p.qos_profile, wanted) for p in fitting]
        if all(reasons):
            return (
                f"the quality of service of {topic} does not fit: {reasons[0]} Change "
                f"the publisher's, or qos_overrides.{topic}.subscription of this node"
            )
        return (
            f"{topic} has a publisher: does it publish, and does its process have the Fast DDS "
            "profile fastdds_shared_memory.xml?"
        )
    if foreign := foreign_types(node, topic, expected):
        return f"{topic} carries {foreign[0]}, expected {expected}{_other_way(foreign[0], topic)}"
    base = topic.removesuffix("/compressed")
    sibling = base if transport == "compressed" else f"{topic}/compressed"
    for publisher in node.get_publishers_info_by_topic(sibling):
        if kind := publisher.topic_type:
            return (
                f"nobody publishes {topic}, but {sibling} carries {kind}{_other_way(kind, sibling)}"
            )
    return _nobody(node, topic, transport)


def _nobody(node: Node, topic: str, transport: str) -> str:
    """Say that nobody publishes a topic, and where others publish images."""
    found = {
        name: next(other for other, kind in IMAGE_TYPES.items() if kind in kinds)
        for name, kinds in sorted(node.get_topic_names_and_types())
        if set(kinds) & set(IMAGE_TYPES.values()) and _others_publish(node, name)
    }
    if not found:
        return (
            f"nobody publishes {topic}, nor images on any other topic: does the camera's node run, "
            "with the same ROS_DOMAIN_ID?"
        )
    named = [
        name if other == transport else f"{name} (with image_transport {other})"
        for name, other in list(found.items())[:_MOST_TOPICS]
    ]
    more = f" and {len(found) - _MOST_TOPICS} more" if len(found) > _MOST_TOPICS else ""
    return (
        f"nobody publishes {topic}; there are images on {', '.join(named)[:_LONGEST]}{more}: name "
        "the right topic as cameras, or remap"
    )


def _others_publish(node: Node, topic: str) -> bool:
    own = sum(publisher.topic_name == topic for publisher in node.publishers)
    # get_publishers_info_by_topic would remap the name: a node with image:=/camera/image_raw would
    # not see who publishes /image.
    return node.count_publishers(topic) > own


def _other_way(kind: str, topic: str) -> str:
    """What to set so that images of that type are taken."""
    for transport, name in IMAGE_TYPES.items():
        if name == kind:
            base = topic.removesuffix("/compressed") if transport == "compressed" else topic
            return f"; set image_transport to {transport} and the image topic to {base}"
    return ""
