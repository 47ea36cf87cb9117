"""Words of users that belong to one task."""

import pytest

from approx_perception.assembly.options import KernelOptions, kernel_options, parameters_of
from approx_perception.assembly.policy_factory import check_policy_name
from approx_perception.assembly.tasks import task_of
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.exceptions import ConfigurationError
from approx_perception.interface.parameters import KERNEL_PARAMETERS


@pytest.mark.parametrize(("task", "word", "value"), [
    ("classification", "class_agnostic_iou", 0.5),
    ("classification", "nms.class_agnostic_iou", 0.5),
    ("classification", "detector", "yolox"),
    ("detection", "top_k", 3),
    ("detection", "smoothing", 0.5),
])  # fmt: skip
def test_a_word_of_another_task_is_refused_unless_it_says_nothing(task, word, value):
    with pytest.raises(ConfigurationError, match=f"{word} is .*has no meaning for {task}"):
        kernel_options({"task": task, word: value})
    plain = getattr(KernelOptions(), word.removeprefix("nms."))
    assert kernel_options({"task": task, word: plain}).task == task


def test_the_user_reads_the_word_as_it_was_written():
    with pytest.raises(ConfigurationError, match=r"^--top-k is 3, but"):
        kernel_options({"top_k": 3}, lambda word: f"--{word.replace('_', '-')}")


def test_an_unknown_task_names_the_known():
    for ask in (lambda: kernel_options({"task": "ponder"}), lambda: task_of(KernelOptions("x"))):
        with pytest.raises(ConfigurationError, match=r"no task .* choose 'detection'"):
            ask()


def test_each_node_gets_all_that_it_knows_and_nothing_else():
    for task, parameters in KERNEL_PARAMETERS.items():
        given = parameters_of(KernelOptions(task=task, top_k=3, class_agnostic_iou=0.5))
        known = {own.name: own for own in parameters}
        assert set(given) <= set(known)
        for name, value in given.items():
            known[name].accept(value)
        own = {"detection": ("nms.class_agnostic_iou", 0.5), "classification": ("top_k", 3)}[task]
        assert own in given.items()


def test_policies_belong_to_tasks():
    check_policy_name("adascale", "detection")
    with pytest.raises(ConfigurationError, match="no policy 'adascale' for classification"):
        check_policy_name("adascale", "classification")


def test_a_file_of_a_system_names_its_task(tmp_path):
    path = tmp_path / "system.yaml"
    path.write_text("policy: fastest\ntask: classification\ntop_k: 3\n")
    options = SystemSpec.read(str(path), KernelOptions()).options
    assert (options.task, options.top_k) == ("classification", 3)
    path.write_text("policy: fastest\ntop_k: 3\n")
    with pytest.raises(ConfigurationError, match="top_k is 3, but has no meaning for detection"):
        SystemSpec.read(str(path), KernelOptions())
