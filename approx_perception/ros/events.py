"""Events of topics; their module has another name in Humble."""

from collections.abc import Callable
from typing import Any

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

__all__ = ["publisher_events", "subscription_events"]


def publisher_events(on_incompatible: Callable[[], None]) -> Any:
    """Call when a subscriber asks for a quality of service that is not offered."""
    return PublisherEventCallbacks(incompatible_qos=lambda _: on_incompatible())


def subscription_events(on_incompatible: Callable[[], None]) -> Any:
    """Call when a publisher offers less than what is asked for."""
    return SubscriptionEventCallbacks(incompatible_qos=lambda _: on_incompatible())
