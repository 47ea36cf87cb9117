"""Detect and track on one or many camera topics.

ros2 launch approx_perception perception.launch.py image:=/camera/image_raw sla_ms:=50.0
ros2 launch approx_perception perception.launch.py "cameras:=[/front/image_raw, /rear/image_raw]"
"""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from approx_perception.exceptions import ConfigurationError
from approx_perception.interface import PERCEPTION_PARAMETERS

#: Arguments that are parameters of the node; empty leaves the parameter to params_file.
PARAMETERS = {
    "autostart": "autostart", "image_transport": "image_transport", "detector": "detector",
    "weights": "weights", "class_names_file": "class_names_file", "space": "space",
    "device": "device", "profile": "profile", "sla_ms": "sla.latency_ms",
    "sla_quantile": "sla.quantile", "sla_scope": "sla.scope", "policy": "policy",
    "branch": "branch", "score_threshold": "score_threshold", "classes": "classes",
    "width": "calibration.width", "height": "calibration.height",
}  # fmt: skip
#: All others, with default and description.
OTHERS = {
    "image": ("image", "Image topic; for image_transport:=compressed without /compressed."),
    "cameras": ("", "Image topics of several cameras, as [/front/image_raw, /rear/image_raw]."),
    "namespace": ("", "Namespace of the nodes and their topics."),
    "params_file": ("", "YAML with parameters, as approx-perception interface --yaml prints it."),
    "use_sim_time": ("false", "Take time from /clock, as a bag played with --clock gives it."),
    "load_monitor": ("true", "Whether to start a load_monitor_node too."),
    "log_level": ("info", "debug, info, warn or error."),
}
BY_NAME = {parameter.name: parameter for parameter in PERCEPTION_PARAMETERS}


def read(argument: str, text: str):
    """From an argument's text to its parameter's value."""
    parameter = BY_NAME[PARAMETERS[argument]]
    if isinstance(parameter.default, str):
        return text
    try:
        return parameter.accept(yaml.safe_load(text))
    except (ConfigurationError, yaml.YAMLError) as error:
        raise ValueError(f"{argument}:={text} cannot be used: {error}") from error


def read_bool(argument: str, text: str):
    """From an argument's text to true or false."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{argument}:={text} cannot be used: write true or false")
    return text.lower() == "true"


def nodes(context):
    """Build the perception node of what was given."""
    given = {name: LaunchConfiguration(name).perform(context) for name in (*PARAMETERS, *OTHERS)}
    values = {PARAMETERS[name]: read(name, given[name]) for name in PARAMETERS if given[name]}
    values["use_sim_time"] = read_bool("use_sim_time", given["use_sim_time"])
    if given["params_file"] and not Path(given["params_file"]).is_file():
        raise ValueError(f"params_file:={given['params_file']} is no file")
    remappings = []
    if given["cameras"]:
        cameras = yaml.safe_load(given["cameras"])
        is_list = isinstance(cameras, list) and cameras
        if not is_list or not all(isinstance(camera, str) for camera in cameras):
            raise ValueError(
                f"cameras:={given['cameras']} is no list of topics; write [/a/image, /b/image]"
            )
        values["cameras"] = cameras
    else:
        image = given["image"]
        remappings = [("image", image), ("image/compressed", f"{image}/compressed")]
    return [
        Node(
            package="approx_perception",
            executable="perception_node",
            name="perception_node",
            namespace=given["namespace"],
            parameters=[*([given["params_file"]] if given["params_file"] else []), values],
            remappings=remappings,
            arguments=["--ros-args", "--log-level", given["log_level"]],
            output="screen",
        )
    ]


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
        DeclareLaunchArgument(
            name, default_value="",
            description=f"{BY_NAME[parameter].text} Empty: {BY_NAME[parameter].default!r}, or "
            "params_file's.",
        )
        for name, parameter in PARAMETERS.items()
    ]  # fmt: skip
    arguments += [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in OTHERS.items()
    ]
    monitor = Node(
        package="approx_perception",
        executable="load_monitor_node",
        name="load_monitor_node",
        namespace=LaunchConfiguration("namespace"),
        condition=IfCondition(LaunchConfiguration("load_monitor")),
        output="screen",
    )
    return LaunchDescription([*arguments, *profiles, OpaqueFunction(function=nodes), monitor])
