"""What a runtime must do: subclass, give fixtures, run pytest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from approx_perception.exceptions import WeightsError
from approx_perception.runtimes import Graph, GraphSource, Runtime

__all__ = ["RuntimeContract"]

Inputs = Mapping[str, npt.NDArray[Any]]


class RuntimeContract:
    """Give the fixtures ``runtime``, ``graph_file``, ``examples`` (inputs of two shapes) and
    ``expected`` (outputs of each).
    """

    #: Largest difference from ``expected``, as a share of its largest number.
    TOLERANCES: ClassVar = {"float32": 1e-3, "bfloat16": 0.05, "float16": 0.01}

    @pytest.fixture
    def graph(self, runtime: Runtime, graph_file: Path) -> Graph:
        """As it is opened where the user says nothing."""
        return runtime.open(GraphSource(graph_file), runtime.devices()[0], "float32", 1)

    def test_says_what_it_runs(
        self, runtime: Runtime, graph: Graph, examples: list[Inputs]
    ) -> None:
        """Names, dtypes, free sides, metadata, and what it runs on."""
        assert (graph.runtime, graph.device) == (runtime.name, runtime.devices()[0])
        assert graph.precision == runtime.precisions(graph.device)[0] == "float32"
        assert [port.name for port in graph.inputs] == list(examples[0])
        for port in graph.inputs:
            shapes = zip(*(example[port.name].shape for example in examples), strict=True)
            alike = tuple(sides[0] if len(set(sides)) == 1 else None for sides in shapes)
            assert port.shape == alike
            assert port.dtype == str(examples[0][port.name].dtype)
        assert graph.metadata

    def test_every_precision_gives_the_outputs_at_every_shape(
        self, runtime: Runtime, graph_file: Path, examples: list[Inputs], expected: list[list[Any]]
    ) -> None:
        """Shapes in turns, so that none disturbs another."""
        for device in runtime.devices():
            for precision in runtime.precisions(device):
                graph = runtime.open(GraphSource(graph_file), device, precision, 2)
                for example, outputs in [*zip(examples, expected, strict=True)] * 2:
                    given = graph.run(example)
                    assert len(given) == len(graph.outputs) == len(outputs)
                    for array, output in zip(given, outputs, strict=True):
                        assert array.shape == output.shape
                        allowed = self.TOLERANCES[precision] * np.abs(output).max()
                        np.testing.assert_allclose(array, output, rtol=0, atol=allowed)

    def test_outputs_stay_as_they_were(self, graph: Graph, examples: list[Inputs]) -> None:
        """The next run does not write into what the last one gave."""
        first = graph.run(examples[0])
        copies = [array.copy() for array in first]
        graph.run({name: np.zeros_like(array) for name, array in examples[0].items()})
        for array, copy in zip(first, copies, strict=True):
            np.testing.assert_array_equal(array, copy)

    def test_inputs_are_not_written_to(self, graph: Graph, examples: list[Inputs]) -> None:
        """Read-only arrays are fine."""
        for array in examples[0].values():
            array.setflags(write=False)
        graph.run(examples[0])

    def test_a_graph_made_of_a_file_is_opened(
        self, runtime: Runtime, graph_file: Path, examples: list[Inputs], tmp_path: Path
    ) -> None:
        """The file is only named in errors then."""
        source = GraphSource(tmp_path / "not_there.onnx", graph_file.read_bytes())
        graph = runtime.open(source, runtime.devices()[0], "float32", 1)
        assert len(graph.run(examples[0])) == len(graph.outputs)

    def test_what_is_no_graph_is_refused(self, runtime: Runtime, tmp_path: Path) -> None:
        """In one sentence that names the file."""
        path = tmp_path / "broken.onnx"
        path.write_bytes(b"no graph at all")
        with pytest.raises(WeightsError, match=r"broken.onnx is no ONNX file that"):
            runtime.open(GraphSource(path), runtime.devices()[0], "float32", 1)
