import time

import numpy as np
import pytest

from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.runtimes import (
    GraphSource,
    RuntimeOptions,
    installed_runtimes,
    open_graph,
    settled,
)
from approx_perception.runtimes.registry import runtime_named
from approx_perception.testing.runtime_contract import RuntimeContract
from test.runtimes.graphs import picture, write_graph


@pytest.fixture(scope="module")
def graph_file(tmp_path_factory):
    return write_graph(tmp_path_factory.mktemp("graphs") / "tiny.onnx")


@pytest.mark.parametrize("name", installed_runtimes())
class TestRuntimes(RuntimeContract):
    @pytest.fixture
    def runtime(self, name):
        return runtime_named(name)

    @pytest.fixture
    def graph_file(self, graph_file):
        return graph_file

    @pytest.fixture
    def examples(self):
        return [picture(), picture(64, 40)]

    @pytest.fixture
    def expected(self, graph_file, examples):
        reference = pytest.importorskip("onnx.reference").ReferenceEvaluator(str(graph_file))
        return [reference.run(None, example) for example in examples]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"runtime": "tflite"}, "no runtime 'tflite'; choose 'auto', 'onnxruntime' or 'openvino'"),
        (
            {"device": "tensorrt"},
            "onnxruntime cannot use the device 'tensorrt' here; choose",
        ),
        ({"device": "cpu:x"}, "onnxruntime cannot use the device 'cpu:x' here"),
        ({"precision": "int3"}, "no precision 'int3'; choose 'auto', 'float32', 'bfloat16' or"),
        (
            {"runtime": "onnxruntime", "precision": "bfloat16"},
            "onnxruntime has no precision 'bfloat16' on the cpu of this machine; choose 'auto' or",
        ),
    ],
)
def test_options_that_do_not_exist_here_get_a_sentence(graph_file, options, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        open_graph(graph_file, RuntimeOptions(**options))


def test_a_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(WeightsError, match="no weights file"):
        open_graph(tmp_path / "none.onnx", RuntimeOptions())


def test_dimensions_that_are_alike_have_one_symbol(graph_file):
    graph = open_graph(graph_file, RuntimeOptions("onnxruntime"))
    assert graph.inputs[0].symbols == ("", "", "height", "width")
    assert np.asarray(graph.run(picture())[0]).dtype == np.float32


@pytest.mark.parametrize("name", installed_runtimes())
def test_threads_do_not_spin_between_runs(graph_file, name):
    graph = open_graph(graph_file, RuntimeOptions(name, num_threads=4))
    inputs, idle_s = picture(480, 640), 0.0
    for _ in range(10):
        graph.run(inputs)
        start_s = time.process_time()
        time.sleep(0.05)
        idle_s += time.process_time() - start_s
    # Without its option, onnxruntime spins for a tenth of the pause and more.
    assert idle_s < 0.02


@pytest.mark.parametrize("name", installed_runtimes())
def test_a_graph_for_each_shape_gives_the_same(graph_file, name):
    source, runtime = GraphSource(graph_file), runtime_named(name)
    plain, prepared = (
        runtime.open(source, "cpu", "float32", 1, per_shape) for per_shape in (False, True)
    )
    shapes = [(32, 48), (64, 40), (16, 16)]
    for shape in shapes[:2] * 2:
        prepared.prepare(picture(*shape))
    for shape in shapes:
        for ours, theirs in zip(
            prepared.run(picture(*shape)), plain.run(picture(*shape)), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_device_that_fails_is_told_and_the_next_one_taken(graph_file, monkeypatch, caplog):
    """As where onnxruntime was built for CUDA and there is no GPU."""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider", "TensorrtExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: providers)
    options = RuntimeOptions("onnxruntime")
    for graph in (
        open_graph(graph_file, options),
        settled(GraphSource(graph_file), options, picture()),
    ):
        assert (graph.device, graph.precision) == ("cpu", "float32")
    assert "has the device 'cuda' but could not start it" in caplog.text
    assert "the network runs in onnxruntime float32" in caplog.text
    for device in ("cuda", "cuda:1", "tensorrt"):
        with pytest.raises(ConfigurationError, match=f"has the device '{device}' but could not"):
            open_graph(graph_file, RuntimeOptions("onnxruntime", device=device))
