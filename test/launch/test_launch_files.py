"""The launch files, run by ROS 2's own launch system.

Needs launch_pytest and an installed approx_perception, as colcon makes it; in an environment of
wheels there is neither.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("launch_pytest", reason="ROS 2's launch is not installed")
pytest.importorskip("launch_ros", reason="launch_ros is not installed")

import launch_pytest
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from approx_perception.msg import Classification, DetectionArray
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_pytest.actions import ReadyToTest

from approx_perception.ros import qos
from test.ros.conftest import SPACE, Graph, claim_domain

try:
    INSTALLED = Path(get_package_prefix("approx_perception")) / "lib" / "approx_perception"
except PackageNotFoundError:
    INSTALLED = Path("nowhere")
if not (INSTALLED / "perception_node").exists():
    pytest.skip("no installation of this package by colcon", allow_module_level=True)

DOMAIN = claim_domain()
FOLDER = INSTALLED.parents[1] / "share" / "approx_perception" / "launch"


def included(name, **arguments):
    source = PythonLaunchDescriptionSource(str(FOLDER / f"{name}.launch.py"))
    return IncludeLaunchDescription(source, launch_arguments=arguments.items())


def on_this_machine():
    os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


@pytest.fixture
def graph(tmp_path):
    graph = Graph(tmp_path, DOMAIN)
    yield graph
    graph.close()


@pytest.fixture
def space_file(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return str(path)


@launch_pytest.fixture
def one_camera(space_file):
    on_this_machine()
    return LaunchDescription(
        [
            # 50 without a point is a double all the same.
            included("perception", image="/camera/image_raw", sla_ms="50", space=space_file),
            ReadyToTest(),
        ]
    )


@pytest.mark.launch(fixture=one_camera)
def test_one_camera(graph):
    assert graph.wait(lambda: graph.recorder.is_ready), "perception_node"
    graph.start("player_node", {"image": "/camera/image_raw"}, source="synthetic:calm", loop=True)
    assert graph.wait(lambda: len(graph.frames) > 10)
    assert graph.frames[-1].decision.sla_latency_ms == 50.0
    assert graph.wait(lambda: "/system_load (heard)" in graph.diagnostics["load topics"], 20)


@launch_pytest.fixture
def two_cameras(space_file):
    on_this_machine()
    return LaunchDescription(
        [
            included("perception", cameras="[/front/image, /rear/image]", space=space_file,
                     namespace="robot", load_monitor="false"),
            ReadyToTest(),
        ]
    )  # fmt: skip


@pytest.mark.launch(fixture=two_cameras)
def test_two_cameras_in_a_namespace(graph):
    heard = [graph.hear(DetectionArray, f"/robot/{name}/detections", qos.RESULTS)
             for name in ("front", "rear")]  # fmt: skip
    for name in ("front", "rear"):
        graph.start("player_node", {"image": f"/{name}/image"}, source="synthetic:calm", loop=True)
    assert graph.wait(lambda: all(len(messages) > 5 for messages in heard))


@launch_pytest.fixture
def demonstration():
    on_this_machine()
    return LaunchDescription([included("demo", sla_ms="200.0"), ReadyToTest()])


@pytest.mark.launch(fixture=demonstration)
def test_the_demo_shows_something(graph):
    assert graph.wait(lambda: len(graph.frames) > 20)
    assert any(len(frame.output) for frame in graph.frames)


@launch_pytest.fixture
def classification():
    on_this_machine()
    return LaunchDescription(
        [included("classification", image="/camera/image_raw", sla_ms="20"), ReadyToTest()]
    )


@pytest.mark.launch(fixture=classification)
def test_images_are_classified(graph):
    heard = graph.hear(Classification, "/classification", qos.RESULTS)
    remapped = {"image": "/camera/image_raw"}
    graph.start("player_node", remapped, source="synthetic:object_easy", loop=True)
    assert graph.wait(lambda: len(heard) > 5)
    assert all(message.branch.startswith("shape=") for message in heard)


def run(description):
    on_this_machine()
    service = LaunchService()
    service.include_launch_description(description)
    return service.run()


def test_replay_and_evaluate_ends_with_a_result(tmp_path):
    out = tmp_path / "result"
    code = run(
        LaunchDescription(
            [
                included("replay_and_evaluate", source="synthetic:calm", frames="40",
                         sla_ms="300.0", out=str(out)),
            ]
        )
    )  # fmt: skip
    assert code == 0
    figures = json.loads((out / "result.json").read_text())
    assert "ap50" in json.dumps(figures)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"sla_ms": "fast"},
            "sla_ms:=fast cannot be used: sla.latency_ms is 'fast'; it must be a number",
        ),
        ({"sla_ms": "-5"}, "it must be from 0.1 to 1000"),
        ({"cameras": "front"}, "cameras:=front is no list"),
        ({"cameras": "[]"}, "cameras:=[] is no list of topics"),
        ({"autostart": "nonsense"}, "autostart is 'nonsense'; it must be true or false"),
        ({"width": "640.5"}, "calibration.width is 640.5; it must be a whole number"),
        ({"use_sim_time": "perhaps"}, "use_sim_time:=perhaps cannot be used"),
        ({"params_file": "/nowhere.yaml"}, "params_file:=/nowhere.yaml is no file"),
    ],
)
def test_an_argument_that_cannot_be_is_said(arguments, words):
    # In a process of its own: launch keeps the standard output that it began with.
    program = f"""
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
source = PythonLaunchDescriptionSource({str(FOLDER / "perception.launch.py")!r})
service = LaunchService()
service.include_launch_description(LaunchDescription(
    [IncludeLaunchDescription(source, launch_arguments={list(arguments.items())!r})]
))
sys.exit(service.run())
"""
    on_this_machine()
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode != 0
    assert words in result.stdout + result.stderr
