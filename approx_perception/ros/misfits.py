"""Endpoints of others that are in the graph now, but whose quality of service does not fit ours."""

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible

__all__ = ["misfit", "refuses_subscriber"]


def misfit(offered: QoSProfile, wanted: QoSProfile) -> str:
    """Say why a publisher's quality of service does not do for a subscription; empty if it does."""
    verdict, reason = qos_check_compatible(offered, wanted)
    return reason.strip() if verdict == QoSCompatibility.ERROR else ""


def refuses_subscriber(node: Node, publisher: Publisher, message_type: str) -> bool:
    """Whether somebody subscribes who asks for more than a publisher of ours offers.

    Parameters
    ----------
    node
        Sees the graph.
    publisher
        Ours.
    message_type
        Its type, as the graph names it.
    """
    return any(
        misfit(publisher.qos_profile, other.qos_profile)
        for other in node.get_subscriptions_info_by_topic(publisher.topic_name)
        if other.topic_type in (message_type, "")
    )
