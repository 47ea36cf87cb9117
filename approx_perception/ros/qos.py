"""Qualities of service of our topics."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

__all__ = ["CAMERA", "DETECTIONS_INPUT", "LATCHED", "LOAD_INPUT", "RESULTS", "image_input"]


def image_input() -> QoSProfile:
    """Sensor data, and of these only the newest: images must not queue.

    A new one each time, for the user's overrides are written into it.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
    )


#: The newest reading, from monitors of either reliability.
LOAD_INPUT = image_input()
#: From publishers of either reliability; none is to be missed while an image waits for it.
DETECTIONS_INPUT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.BEST_EFFORT
)
#: Reliable, so that subscribers of either kind connect.
RESULTS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE
)
#: Who comes later gets the last one too.
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)  # fmt: skip
CAMERA = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE
)
