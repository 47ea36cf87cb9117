"""Detect and track on one or many camera topics.

ros2 launch approx_perception perception.launch.py image:=/camera/image_raw sla_ms:=50.0
ros2 launch approx_perception perception.launch.py "cameras:=[/front/image_raw, /rear/image_raw]"
"""

from approx_perception.interface import PERCEPTION_NODE
from approx_perception.ros.launching import kernel_launch


def generate_launch_description():
    return kernel_launch(PERCEPTION_NODE, ("detector", "score_threshold", "classes"))
