"""What the launch files of the nodes share: arguments, checked, and the nodes made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from approx_perception.exceptions import ConfigurationError
from approx_perception.interface import NodeInterface, Parameter

__all__ = ["kernel_launch"]

#: Arguments that are parameters of every node; empty leaves the parameter to params_file.
_PARAMETERS = {
    "autostart": "autostart", "image_transport": "image_transport", "weights": "weights",
    "class_names_file": "class_names_file", "space": "space", "device": "device",
    "runtime": "runtime", "precision": "precision", "profile": "profile",
    "sla_ms": "sla.latency_ms", "sla_quantile": "sla.quantile",
    "sla_scope": "sla.scope", "sla_accuracy": "sla.accuracy", "policy": "policy",
    "branch": "branch", "width": "calibration.width", "height": "calibration.height",
}  # fmt: skip
#: All others, with default and description.
_OTHERS = {
    "image": ("image", "Image topic; for image_transport:=compressed without /compressed."),
    "cameras": ("", "Image topics of several cameras, as [/front/image_raw, /rear/image_raw]."),
    "namespace": ("", "Namespace of the nodes and their topics."),
    "params_file": ("", "YAML with parameters, as approx-perception interface --yaml prints it."),
    "use_sim_time": ("false", "Take time from /clock, as a bag played with --clock gives it."),
    "load_monitor": ("true", "Whether to start a load_monitor_node too."),
    "log_level": ("info", "debug, info, warn or error."),
}


def kernel_launch(interface: NodeInterface, own: Sequence[str]) -> LaunchDescription:
    """Describe the launch of a node, and of a load monitor beside it.

    Parameters
    ----------
    interface
        Of the node.
    own
        Its parameters that are arguments of the same name, beside those of every node.
    """
    by_name = {parameter.name: parameter for parameter in interface.parameters}
    names = {**_PARAMETERS, **{name: name for name in own}}
    parameters = {argument: by_name[name] for argument, name in names.items()}
    arguments = [
        DeclareLaunchArgument(
            argument, default_value="",
            description=f"{parameter.text} Empty: {parameter.default!r}, or params_file's.",
        )
        for argument, parameter in parameters.items()
    ]  # fmt: skip
    arguments += [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in _OTHERS.items()
    ]

    def build(context: Any) -> list[Node]:
        given = {name: LaunchConfiguration(name).perform(context)
                 for name in (*parameters, *_OTHERS)}  # fmt: skip
        return [_node(interface.name, parameters, given)]

    return LaunchDescription(
        [*arguments, *_transport(), OpaqueFunction(function=build), _load_monitor()]
    )


def _node(name: str, parameters: dict[str, Parameter], given: dict[str, str]) -> Node:
    values = {
        parameter.name: _read(argument, parameter, given[argument])
        for argument, parameter in parameters.items()
        if given[argument]
    }
    values["use_sim_time"] = _read_bool("use_sim_time", given["use_sim_time"])
    if given["params_file"] and not Path(given["params_file"]).is_file():
        raise ValueError(f"params_file:={given['params_file']} is no file")
    remappings = []
    if given["cameras"]:
        values["cameras"] = _read_cameras(given["cameras"])
    else:
        image = given["image"]
        remappings = [("image", image), ("image/compressed", f"{image}/compressed")]
    return Node(
        package="approx_perception",
        executable=name,
        name=name,
        namespace=given["namespace"],
        parameters=[*([given["params_file"]] if given["params_file"] else []), values],
        remappings=remappings,
        arguments=["--ros-args", "--log-level", given["log_level"]],
        output="screen",
    )


def _read(argument: str, parameter: Parameter, text: str) -> Any:
    """From an argument's text to its parameter's value."""
    if isinstance(parameter.default, str):
        return text
    try:
        return parameter.accept(yaml.safe_load(text))
    except (ConfigurationError, yaml.YAMLError) as error:
        raise ValueError(f"{argument}:={text} cannot be used: {error}") from error


def _read_bool(argument: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{argument}:={text} cannot be used: write true or false")
    return text.lower() == "true"


def _read_cameras(text: str) -> list[str]:
    cameras = yaml.safe_load(text)
    is_list = isinstance(cameras, list) and cameras
    if not is_list or not all(isinstance(camera, str) for camera in cameras):
        raise ValueError(f"cameras:={text} is no list of topics; write [/a/image, /b/image]")
    return list(cameras)


def _transport() -> list[SetEnvironmentVariable]:
    """Large images need Fast DDS's shared memory, unless the user has a profile of their own."""
    share = Path(get_package_share_directory("approx_perception"))
    profile = str(share / "config" / "fastdds_shared_memory.xml")
    return [
        SetEnvironmentVariable(name, EnvironmentVariable(name, default_value=profile))
        for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
    ]


def _load_monitor() -> Node:
    return Node(
        package="approx_perception",
        executable="load_monitor_node",
        name="load_monitor_node",
        namespace=LaunchConfiguration("namespace"),
        condition=IfCondition(LaunchConfiguration("load_monitor")),
        output="screen",
    )
