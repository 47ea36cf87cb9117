"""Classify one or many camera topics, or what another node detects in them.

ros2 launch approx_perception classification.launch.py image:=/camera/image_raw sla_ms:=20.0
ros2 launch approx_perception classification.launch.py image:=/camera/image_raw \
    detections_topic:=detections
"""

from approx_perception.interface import CLASSIFICATION_NODE
from approx_perception.ros.launching import kernel_launch


def generate_launch_description():
    return kernel_launch(
        CLASSIFICATION_NODE,
        ("classifier", "top_k", "smoothing", "region", "detections_topic", "max_regions"),
    )
