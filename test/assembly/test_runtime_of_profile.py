from types import SimpleNamespace

import pytest

from approx_perception.assembly.bundle import check_made_for
from approx_perception.assembly.loading import as_profiled, machine_name
from approx_perception.assembly.options import KernelOptions
from approx_perception.exceptions import ConfigurationError
from approx_perception.testing.fakes import small_space

MADE = {"runtime": "openvino", "precision": "bfloat16"}


def network(runtime="onnxruntime", precision="float32"):
    return SimpleNamespace(runtime=runtime, device="cpu", precision=precision)


def test_a_profile_fills_in_what_options_leave_open():
    chosen = as_profiled(KernelOptions(), MADE)
    assert (chosen.runtime, chosen.precision) == ("openvino", "bfloat16")
    chosen = as_profiled(KernelOptions(runtime="onnxruntime", precision="float32"), MADE)
    assert (chosen.runtime, chosen.precision) == ("onnxruntime", "float32")


@pytest.mark.parametrize(
    "metadata",
    [{}, {"runtime": None, "precision": None}, {"runtime": "torch", "precision": "float32 and x"},
     {"runtime": 3, "precision": []}],
)  # fmt: skip
def test_what_a_profile_does_not_tell_stays_open(metadata):
    assert as_profiled(KernelOptions(), metadata) == KernelOptions()


@pytest.mark.parametrize("other", [network("openvino"), network(precision="float16")])
def test_a_profile_made_in_another_runtime_or_precision_is_refused(other):
    space = small_space()
    metadata = {"space": space.to_dict(), "machine": machine_name(network(), 1)}
    check_made_for("the profile", metadata, space, "any", machine_name(network(), 1))
    with pytest.raises(ConfigurationError, match=r"made for .*onnxruntime on cpu, float32.*runs"):
        check_made_for("the profile", metadata, space, "any", machine_name(other, 1))
