"""What only some uses need is named in one sentence where it is missing."""

import sys

import pytest

from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.evaluation.ray_cluster import attempts_on_ray
from approx_perception.exceptions import ConfigurationError
from approx_perception.extras import needed_for
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel


@pytest.fixture
def light(monkeypatch):
    """As if no extra were installed."""
    for name in ("ssdlite", "_torch_files"):
        monkeypatch.delitem(sys.modules, f"approx_perception.detectors.{name}", raising=False)
    for name in ("torch", "torchvision", "ray"):
        monkeypatch.setitem(sys.modules, name, None)


USES = {
    "a family on PyTorch": (
        lambda: load_detector("ssdlite", DetectorOptions()),
        "the detector ssdlite needs PyTorch and onnx: pip install 'approx_perception[train]' or "
        "make train; networks in ONNX files run without them",
    ),
    "load on a GPU": (
        lambda: ContentionGenerator(ContentionLevel(gpu_share=0.5)),
        "load on a GPU needs PyTorch",
    ),
    "a cluster": (
        lambda: next(iter(attempts_on_ray(print, [1], "local"))),
        "--ray needs Ray: pip install 'approx_perception[ray]'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_a_missing_extra_is_one_sentence(light, use):
    work, words = USES[use]
    with pytest.raises(ConfigurationError) as caught:
        work()
    assert str(caught.value).startswith(words)


def test_other_modules_are_not_blamed_on_an_extra():
    with pytest.raises(ModuleNotFoundError), needed_for("this", "train"):
        import no_such_module  # noqa: F401
