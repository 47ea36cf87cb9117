"""Qualities of service of our topics."""

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

__all__ = ["CAMERA", "IMAGE_INPUT", "LOAD_INPUT", "RESULTS"]

#: Sensor data, and of these only the newest: images must not queue.
IMAGE_INPUT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
#: The newest reading, from monitors of either reliability.
LOAD_INPUT = IMAGE_INPUT
#: Reliable, so that subscribers of either kind connect.
RESULTS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE
)
CAMERA = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE
)
