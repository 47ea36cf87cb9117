"""What launch files make of their arguments, with stand-ins for ROS 2's launch system."""

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest

from test.conftest import ROOT

MODULES = {
    "launch": ["LaunchDescription"],
    "launch.actions": ["DeclareLaunchArgument", "OpaqueFunction", "SetEnvironmentVariable"],
    "launch.conditions": ["IfCondition"],
    "launch.substitutions": ["EnvironmentVariable"],
    "launch_ros": [],
    "launch_ros.actions": ["Node"],
    "ament_index_python": [],
}


class Configuration:
    def __init__(self, name):
        self._name = name

    def perform(self, context):
        return context[self._name]


def recorded(kind):
    return lambda *given, **named: SimpleNamespace(kind=kind, given=given, **named)


@pytest.fixture
def launch(monkeypatch):
    """Run a launch file with arguments; what it makes of the node."""
    for name, kinds in MODULES.items():
        module = ModuleType(name)
        for kind in kinds:
            setattr(module, kind, recorded(kind))
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["launch.substitutions"].LaunchConfiguration = Configuration
    packages = ModuleType("ament_index_python.packages")
    packages.get_package_share_directory = lambda name: f"/share/{name}"
    monkeypatch.setitem(sys.modules, packages.__name__, packages)
    monkeypatch.delitem(sys.modules, "approx_perception.ros.launching", raising=False)

    def run(file, **given):
        spec = importlib.util.spec_from_file_location("launched", ROOT / "launch" / file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        entities = module.generate_launch_description().given[0]
        values = {e.given[0]: e.default_value for e in entities
                  if e.kind == "DeclareLaunchArgument"}  # fmt: skip
        assert set(given) <= set(values)
        build = next(e.function for e in entities if e.kind == "OpaqueFunction")
        return build({**values, **given})[0]

    yield run
    sys.modules.pop("approx_perception.ros.launching", None)


@pytest.mark.parametrize("name", ["perception", "classification"])
def test_arguments_are_parameters_of_the_node(launch, name):
    node = launch(
        f"{name}.launch.py", sla_ms="50", policy="fixed", width="320", image="/camera/image_raw",
        namespace="robot",
    )  # fmt: skip
    assert node.executable == node.name == f"{name}_node"
    assert node.namespace == "robot"
    # 50 without a point is a double all the same.
    assert node.parameters == [
        {"sla.latency_ms": 50.0, "policy": "fixed", "calibration.width": 320, "use_sim_time": False}
    ]
    assert type(node.parameters[0]["sla.latency_ms"]) is float
    assert ("image", "/camera/image_raw") in node.remappings


def test_objects_of_a_camera_are_classified(launch):
    node = launch("classification.launch.py", detections_topic="detections", max_regions="8")
    assert node.parameters[0]["detections_topic"] == "detections"
    assert node.parameters[0]["max_regions"] == 8


@pytest.mark.parametrize(
    ("argument", "text", "words"),
    [
        ("sla_ms", "fast", "sla_ms:=fast cannot be used: sla.latency_ms is 'fast'"),
        ("use_sim_time", "maybe", "use_sim_time:=maybe cannot be used: write true or false"),
        ("cameras", "front", "cameras:=front is no list of topics"),
        ("cameras", "[]", r"cameras:=\[\] is no list of topics"),
        ("params_file", "nowhere.yaml", "params_file:=nowhere.yaml is no file"),
    ],
)
def test_what_cannot_be_ends_the_launch_in_a_sentence(launch, argument, text, words):
    with pytest.raises(ValueError, match=words):
        launch("perception.launch.py", **{argument: text})
