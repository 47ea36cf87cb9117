"""A synthetic camera, the perception node and a load monitor: something to look at without a robot.

ros2 launch approx_perception demo.launch.py sla_ms:=50.0
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

ARGUMENTS = {
    "source": ("synthetic:mixed", "A bag, a video, a folder of images or synthetic:SCENARIO."),
    "rate": ("1.0", "Speed: 2.0 plays twice as fast."),
    "sla_ms": ("100.0", "Latency budget for processing, in ms; change it live in rqt."),
    "detector": ("faster_rcnn", "faster_rcnn, onnx or ssdlite."),
    "weights": ("", "Weights file or name; empty: the network that ships."),
    "rqt": ("false", "Whether to open rqt with our perspective."),
}


def generate_launch_description():
    here = Path(__file__).parent
    player = Node(
        package="approx_perception",
        executable="player_node",
        name="player_node",
        parameters=[
            {
                "source": LaunchConfiguration("source"),
                "rate": LaunchConfiguration("rate"),
                "loop": True,
                "frames": 1200,
                "wait_for_subscriber": True,
            }
        ],
        output="screen",
    )
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(here / "perception.launch.py")),
        launch_arguments={
            name: LaunchConfiguration(name) for name in ("sla_ms", "detector", "weights")
        }.items(),
    )
    perspective = here.parent / "config" / "rqt" / "perception.perspective"
    rqt = ExecuteProcess(
        cmd=["rqt", "--perspective-file", str(perspective)],
        condition=IfCondition(LaunchConfiguration("rqt")),
    )
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, perception, player, rqt])
