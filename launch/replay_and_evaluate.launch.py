"""Play a source through the real node, score what it published, and end with its verdict.

ros2 launch approx_perception replay_and_evaluate.launch.py source:=BAG ground_truth:=truth.json \
    scenario:=limits.yaml sla_ms:=50.0
"""

import shlex

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration

#: Arguments that become options of `approx-perception evaluate`.
OPTIONS = {
    "ground_truth": "--ground-truth", "topic": "--topic", "scenario": "--scenario",
    "detector": "--detector", "weights": "--weights", "profile": "--profile",
    "sla_ms": "--sla-ms", "frames": "--frames", "out": "--out",
}  # fmt: skip
ARGUMENTS = {
    "source": ("synthetic:mixed", "A bag, a video, a folder of images or synthetic:SCENARIO."),
    "ground_truth": ("", "COCO .json, MOTChallenge .txt, ImageNet VID folder or a topic."),
    "topic": ("", "Image topic of a bag that has several."),
    "scenario": ("", "YAML with sla_steps, contention_steps and limits."),
    "detector": ("faster_rcnn", "faster_rcnn, yolox or ssdlite."),
    "weights": ("", "Weights file or name; empty: the network that ships."),
    "profile": ("", "What approx-perception profile wrote on this machine, NAME.json."),
    "sla_ms": ("100.0", "Latency budget for processing, in ms."),
    "frames": ("", "Stop after so many."),
    "out": ("out/evaluate", "Folder for result.json and the records."),
    "options": ("--overwrite", "More options of approx-perception evaluate."),
}


def evaluation(context):
    """Build the command; launch ends when it does."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    command = ["approx-perception", "evaluate", given["source"], "--live"]
    for name, option in OPTIONS.items():
        if given[name]:
            command += [option, given[name]]
    command += shlex.split(given["options"])
    return [ExecuteProcess(cmd=command, output="screen", on_exit=Shutdown())]


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=evaluation)])
