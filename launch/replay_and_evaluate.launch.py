"""Play a source through the real node, score what it published, and end with its verdict.

ros2 launch approx_perception replay_and_evaluate.launch.py source:=BAG ground_truth:=truth.json \
    scenario:=limits.yaml sla_ms:=50.0
"""

import shlex

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration

from approx_perception.datasets import SOURCE_HELP
from approx_perception.interface.options import options_of

#: Options of `approx-perception evaluate` that are arguments of this file.
NAMES = (
    "ground_truth", "topic", "scenario", "detector", "weights", "profile", "sla_ms", "frames",
    "out",
)  # fmt: skip
OPTIONS = {option.name: option for option in options_of("evaluate") if option.name in NAMES}
ARGUMENTS = {
    "source": ("synthetic:mixed", SOURCE_HELP),
    **{name: (str(own.default or ""), own.help) for name, own in OPTIONS.items()},
    "options": ("--overwrite", "More options of approx-perception evaluate."),
}


def evaluation(context):
    """Build the command; launch ends when it does."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    command = ["approx-perception", "evaluate", given["source"], "--live"]
    for name, option in OPTIONS.items():
        if given[name]:
            command += [option.flag, given[name]]
    command += shlex.split(given["options"])
    return [ExecuteProcess(cmd=command, output="screen", on_exit=Shutdown())]


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=evaluation)])
