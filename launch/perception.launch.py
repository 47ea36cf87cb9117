"""Detect and track on a camera topic of a robot.

ros2 launch approx_perception perception.launch.py image:=/camera/image_raw sla_ms:=50.0
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "image": ("image", "Image topic; for image_transport:=compressed the one without /compressed."),
    "image_transport": ("raw", "raw or compressed."),
    "namespace": ("", "Namespace of the node and its topics."),
    "detector": ("faster_rcnn", "faster_rcnn or yolox."),
    "weights": ("", "Weights file or name; empty: the network that ships."),
    "class_names_file": ("", "Text file with one class name a line."),
    "space": ("", "Branch space: a YAML file or the name of a shipped one."),
    "profile": ("", "What approx-perception profile wrote on this machine, NAME.json."),
    "load_monitor": ("true", "Whether to start a load_monitor_node too."),
    "sla_ms": ("100.0", "Latency budget for processing, in ms."),
    "sla_scope": ("frame", "frame, or gof for the mean over a group of frames."),
    "policy": ("most_accurate", "most_accurate, fixed, fastest or approxdet."),
    "branch": ("", "Branch for the policy fixed."),
    "width": ("640", "Width of the images to expect, in px."),
    "height": ("480", "Height of the images to expect, in px."),
}
TEXTS = (
    "detector", "weights", "class_names_file", "space", "profile", "policy", "branch",
    "image_transport",
)  # fmt: skip


def generate_launch_description():
    profile = str(
        Path(get_package_share_directory("approx_perception"))
        / "config"
        / "fastdds_shared_memory.xml"
    )
    profiles = [
        SetEnvironmentVariable(name, EnvironmentVariable(name, default_value=profile))
        for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
    ]
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    parameters = {name: ParameterValue(LaunchConfiguration(name), value_type=str) for name in TEXTS}
    parameters |= {
        "sla.latency_ms": ParameterValue(LaunchConfiguration("sla_ms"), value_type=float),
        "sla.scope": ParameterValue(LaunchConfiguration("sla_scope"), value_type=str),
        "calibration.width": ParameterValue(LaunchConfiguration("width"), value_type=int),
        "calibration.height": ParameterValue(LaunchConfiguration("height"), value_type=int),
    }
    node = Node(
        package="approx_perception",
        executable="perception_node",
        name="perception_node",
        namespace=LaunchConfiguration("namespace"),
        parameters=[parameters],
        remappings=[
            ("image", LaunchConfiguration("image")),
            ("image/compressed", [LaunchConfiguration("image"), "/compressed"]),
        ],
        output="screen",
    )
    monitor = Node(
        package="approx_perception",
        executable="load_monitor_node",
        name="load_monitor_node",
        namespace=LaunchConfiguration("namespace"),
        condition=IfCondition(LaunchConfiguration("load_monitor")),
        output="screen",
    )
    return LaunchDescription([*arguments, *profiles, node, monitor])
