import pytest

from approx_perception.datasets.class_map import ClassMap, read_class_map
from approx_perception.evaluation.scenario import NO_CONTENTION, Scenario
from approx_perception.exceptions import ConfigurationError
from approx_perception.metrics.limits import check_limits, read_limits
from approx_perception.structures import Detections


@pytest.mark.parametrize(
    ("text", "value", "kept"),
    [
        (">=0.7", 0.7, True), (">0.7", 0.7, False), ("<= 50", 50.0, True), ("< 50", 50.0, False),
        (">=0.7", float("nan"), False), ("<=1e3", 999, True),
    ],
)  # fmt: skip
def test_limits(text, value, kept):
    (limit,) = read_limits({"ap50": text}, "here")
    assert limit.is_kept({"ap50": value}) is kept


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ap51": ">=0.7"}, r"there is no figure 'ap51'; choose .*'ap50'"),
        ({"ap50": "0.7"}, r"the limit of ap50 is '0.7'; write a relation and a number"),
        ({"ap50": "=>0.7"}, "=>0.7"),
        ({"ap50": ">=--1"}, ">=--1"),
        (["ap50"], "expected 'figure"),
    ],
)
def test_limits_that_mean_nothing(content, message):
    with pytest.raises(ConfigurationError, match=message):
        read_limits(content, "here")


def test_limits_of_another_task():
    limits = read_limits({"p95_processing_ms": "<=50", "top1": ">=0.9"}, "here")
    check_limits(limits, "classification")
    with pytest.raises(ConfigurationError, match="detection has no figure 'top1' to limit"):
        check_limits(limits, "detection")


def read(tmp_path, text):
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    return Scenario.from_yaml(path)


def test_a_scenario(tmp_path):
    scenario = read(
        tmp_path,
        "sla_steps: {200: 80, 100: 50.5}\n"
        "contention_steps:\n  100: {cpu_cores: 2, cpu_share: 0.5}\n  200:\n"
        "camera: true\nlimits: {ap50: '>=0.7', p95_processing_ms: '<=50'}\n",
    )
    assert list(scenario.sla_steps.items()) == [(100, 50.5), (200, 80.0)]
    assert scenario.contention_steps[100] == {**NO_CONTENTION, "cpu_cores": 2, "cpu_share": 0.5}
    assert scenario.contention_steps[200] == NO_CONTENTION
    assert scenario.camera
    assert [str(limit) for limit in scenario.limits] == ["ap50 >= 0.7", "p95_processing_ms <= 50"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "it must hold"),
        ("sla_step: {1: 2}", "no entry 'sla_step'; choose 'sla_steps'"),
        ("sla_steps: 3", "sla_steps is 3, expected"),
        ("sla_steps: {-1: 3}", "expected 'frame: value' lines"),
        ("sla_steps: {1: fast}", "an SLA step is 'fast', expected ms above 0"),
        ("sla_steps: {1: -5}", "an SLA step is -5"),
        ("sla_steps: {1: .nan}", "1 is nan"),
        ("contention_steps: {1: {cpus: 2}}", "no contention 'cpus'; choose 'cpu_cores'"),
        ("contention_steps: {1: {cpu_cores: many}}", "'many'"),
        ("camera: sometimes", "camera is 'sometimes'; write true or false"),
        ("limits: {ap50: high}", "the limit of ap50 is 'high'"),
        ("limits: [", "is no scenario"),
    ],
)
def test_scenarios_that_mean_nothing(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        read(tmp_path, text)
    assert "scenario.yaml" in str(error.value)


def test_a_scenario_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="is no scenario"):
        Scenario.from_yaml(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- car", "is no class map: it must hold lines of 'name: name'"),
        ("car: 3", "'car': 3 is no pair of class names"),
        ("car: [", "is no class map"),
    ],
)
def test_class_maps_that_mean_nothing(tmp_path, text, message):
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_class_map(tmp_path / "map.yaml")


def test_a_class_map_of_coco_and_a_data_set(tmp_path):
    (tmp_path / "map.yaml").write_text("person: pedestrian\nbus:\n")
    names = ("person", "bus", "car")
    mapping = ClassMap(names, ("car", "pedestrian"), read_class_map(tmp_path / "map.yaml").names)
    found = Detections.from_arrays([[0, 0, 1, 1]] * 3, [0.9] * 3, [0, 1, 2])
    assert mapping.apply(found).class_ids.tolist() == [1, 0]
    for wrong, message in (
        ({"dog": "car"}, "'dog', which the detector does not know; it knows 'person'"),
        ({"3": "car"}, "'3', .* for class 3 of the truth write the number without quotes"),
        ({"bus": "van"}, "'van', which the data set does not know"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            ClassMap(names, ("car", "pedestrian"), wrong)
