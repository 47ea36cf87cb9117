"""Endpoints of others that are in the graph now, but whose quality of service does not fit ours."""

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible

__all__ = ["misfit", "refuses_subscriber"]


def misfit(offered: QoSProfile, wanted: QoSProfile) -> str:
    """Say why a publisher's quality of service does not do for a subscription; empty if it does."""
    verdict, reason = qos_check_compatible(offered, wanted)
    return reason.strip() if verdict == QoSCompatibility.ERROR else ""


def refuses_subscriber(node: Node, topic: str, message_type: str) -> bool:
    """Whether somebody subscribes to a resolved topic who asks for more than the node offers."""
    own = (node.get_name(), node.get_namespace())
    # As the graph has it: the profile in hand says nothing of what was left to defaults.
    offered = [
        publisher.qos_profile
        for publisher in node.get_publishers_info_by_topic(topic)
        if (publisher.node_name, publisher.node_namespace) == own
    ]
    wanted = [
        other.qos_profile
        for other in node.get_subscriptions_info_by_topic(topic)
        if other.topic_type in (message_type, "")
    ]
    return any(misfit(ours, theirs) for ours in offered for theirs in wanted)
