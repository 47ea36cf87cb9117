"""One schema: parameters, the files made of it, and the options of commands."""

import inspect
import json
import re

import pytest
import typer.main
import yaml

from approx_perception.branches import BranchSpace
from approx_perception.cli.main import app
from approx_perception.exceptions import ConfigurationError
from approx_perception.interface import (
    KERNEL_NODES,
    LOAD_MONITOR_PARAMETERS,
    PERCEPTION_PARAMETERS,
    PLAYER_PARAMETERS,
    Parameter,
    camera_sla,
)
from approx_perception.interface.documents import node_page, parameters_yaml
from approx_perception.interface.option import REQUIRED
from approx_perception.interface.options import OPTIONS, options_of
from approx_perception.interface.systems import TASKS

ALL = (*PERCEPTION_PARAMETERS, *LOAD_MONITOR_PARAMETERS, *PLAYER_PARAMETERS)
BY_NAME = {parameter.name: parameter for parameter in PERCEPTION_PARAMETERS}


def test_files_made_of_the_schema_are_current(root):
    for task, node in KERNEL_NODES.items():
        file = f"{node.name.removesuffix('_node')}.yaml"
        assert (root / "config" / file).read_text(encoding="utf-8") == parameters_yaml(task)
    assert (root / "docs" / "node.md").read_text(encoding="utf-8") == node_page()


def test_the_parameter_file_has_every_default():
    values = yaml.safe_load(parameters_yaml("detection"))["/**"]["ros__parameters"]
    assert values == {parameter.name: parameter.default for parameter in PERCEPTION_PARAMETERS}


@pytest.mark.parametrize("parameter", ALL, ids=lambda parameter: parameter.name)
def test_rqt_can_show_it(parameter):
    assert parameter.description.endswith((".", "names"))
    if isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool):
        # A slider needs a range, of which rqt divides by the width.
        assert parameter.limits is not None
        assert parameter.limits[0] < parameter.limits[1]


VERBS = typer.main.get_command(app).commands


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_the_options_that_are_declared_for_it(verb):
    declared = {option.name: option for option in options_of(verb)}
    assert len(declared) == sum(verb in option.verbs for option in OPTIONS)
    shown = {option.name: option for option in VERBS[verb].params}
    assert list(shown) == list(declared)
    for name, option in declared.items():
        assert shown[name].help == option.help
        assert shown[name].default == (None if option.default is REQUIRED else option.default)


@pytest.mark.parametrize("verb", ["run", "evaluate", "compare"])
def test_a_dozen_options_stand_before_the_advanced_ones(verb):
    panels = [option.panel for option in options_of(verb) if option.group]
    basic = [panel for panel in panels if not str(panel).startswith("Advanced")]
    # --help is one of them.
    assert len(basic) + 1 <= 12
    assert panels[: len(basic)] == basic
    panels = list(dict.fromkeys(panels))
    # One more for each task.
    assert len(panels) <= 9 + len(TASKS)


def test_an_option_has_the_words_of_its_parameter():
    for option in OPTIONS:
        for parameter in PERCEPTION_PARAMETERS:
            if parameter.description in option.help:
                flag = f"--{re.sub('[._]', '-', parameter.name)}"
                assert flag == option.flag or flag in option.aliases


def test_one_thing_has_one_name():
    """And an alias is nobody's own flag."""
    for verb in VERBS:
        flags = [option.flag or option.name for option in options_of(verb)]
        assert len(set(flags)) == len(flags)
        assert not {alias for option in options_of(verb) for alias in option.aliases} & set(flags)


@pytest.mark.parametrize("node", KERNEL_NODES.values(), ids=lambda node: node.name)
@pytest.mark.parametrize("file", ["rqt/{}.perspective", "foxglove/{}.json"])
def test_layouts_show_what_there_is(root, file, node):
    path = root / "config" / file.format(node.name.removesuffix("_node"))
    text = path.read_text(encoding="utf-8")
    json.loads(text)
    topics = {topic.name: topic.type for topic in node.topics}
    # Both write a plotted value as topic and field; rqt_plot with a slash, Foxglove with a point.
    plotted = re.findall(r"[\"']/(decision)[/.](\w+)", text)
    assert len(plotted) > 2
    for topic, field in plotted:
        _, _, name = topics[topic].rpartition("/")
        message = (root / "msg" / f"{name}.msg").read_text(encoding="utf-8")
        assert re.search(rf"^\w+ {field}\b", message, re.MULTILINE), field
    whole = set(re.findall(r"[\"']/([a-z_/]+)[\"']", text)) - {"/".join(p) for p in plotted}
    assert whole <= {name.lstrip("/") for name in topics} | {node.name}


def test_what_can_change_live_is_what_users_tune():
    live = {parameter.name for parameter in PERCEPTION_PARAMETERS if parameter.live}
    assert {
        "sla.latency_ms", "sla.quantile", "sla.scope", "policy", "score_threshold", "classes",
        "load_topic", "cpu_load_topic", "gpu_load_topic", "debug.max_rate_hz",
        *(f"allowed.{knob}" for knob in BranchSpace.knobs),
    } <= live  # fmt: skip
    assert not live & {"detector", "weights", "space", "cameras", "image_transport"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("sla.latency_ms", 0.0, "0.0; it must be from 0.1 to 1000"),
        ("sla.latency_ms", float("nan"), "nan"),
        ("sla.scope", "week", "'week'; choose 'frame' or 'gof'"),
        ("policy", "best", "'best'; choose"),
        ("debug.jpeg_quality", 101, "101"),
    ],
)
def test_values_are_refused_with_what_would_do(name, value, words):
    with pytest.raises(ConfigurationError, match="^" + name.replace(".", r"\.")) as error:
        BY_NAME[name].accept(value)
    assert words in str(error.value)


def test_values_are_taken_as_their_parameter_is():
    taken = BY_NAME["sla.latency_ms"].accept(20)
    assert (taken, type(taken)) == (20.0, float)
    assert BY_NAME["cameras"].accept(["/a", "/b"]) == ["/a", "/b"]
    for name, value in (
        ("sla.latency_ms", True), ("sla.latency_ms", "20"), ("sla.latency_ms", 10**400),
        ("sla.latency_ms", None), ("num_threads", 2.0), ("num_threads", False), ("autostart", 1),
        ("policy", 5.0), ("branch", True), ("allowed.si", 8.0), ("cameras", "image"),
        ("cameras", ["image", 5]), ("weights", b"x"),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match="; it must be"):
            BY_NAME[name].accept(value)
    with pytest.raises(ConfigurationError) as error:
        BY_NAME["policy"].accept("x" * 5_000_000)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(("name", "number"), [("allowed.si", 8), ("classes", -5), ("branch", 0)])
def test_a_whole_number_is_a_text_where_a_text_is_wanted(name, number):
    assert BY_NAME[name].accept(number) == str(number)


def test_a_whole_number_that_is_no_name_is_refused_as_a_text():
    with pytest.raises(ConfigurationError, match=r"^policy is '5'; choose"):
        BY_NAME["policy"].accept(5)


def test_the_budget_of_one_camera_has_the_limits_of_all():
    own = camera_sla("front")
    for value in (0.0, 0, 0.1, 1000):
        assert own.accept(value) == value
    for value in (1e-300, 5e-324, -1.0, 1000.1, float("inf")):
        with pytest.raises(ConfigurationError, match=r"from 0\.1 to 1000, or 0\.0"):
            own.accept(value)


def test_an_empty_range_cannot_be_declared():
    with pytest.raises(ConfigurationError, match="range of speed is empty"):
        Parameter("speed", 1.0, "None.", (1.0, 1.0))


@pytest.mark.parametrize("node", KERNEL_NODES.values(), ids=lambda node: node.name)
def test_relative_topics_only(node):
    assert [t.name for t in node.topics if t.name.startswith("/")] == ["/diagnostics"]
    assert len({t.name for t in node.topics}) == len(node.topics)
    assert not inspect.signature(node_page).parameters
