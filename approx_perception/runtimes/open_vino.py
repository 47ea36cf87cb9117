"""OpenVINO: Intel's and Arm's CPUs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import openvino as ov

from approx_perception.exceptions import WeightsError, reason_of, shown
from approx_perception.runtimes._base import Array, Arrays, Graph, GraphSource, Port, Runtime

__all__ = ["OpenVino"]

_HINTS = {"float32": ov.Type.f32, "bfloat16": ov.Type.bf16, "float16": ov.Type.f16}
#: What it says of a processor's units.
_CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}
#: Graphs for one shape that are kept; a branch more runs in the graph for all.
_MOST_SHAPES = 32

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


class OpenVino(Runtime):
    """The precisions are those that the processor has units for."""

    name = "openvino"
    compiles_shapes = True

    def __init__(self) -> None:
        self._core = ov.Core()

    def devices(self) -> tuple[str, ...]:
        """See `Runtime.devices`."""
        return ("cpu",)

    def precisions(self, device: str) -> tuple[str, ...]:
        """See `Runtime.precisions`."""
        has = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return ("float32", *(name for name, word in _CAPABILITIES.items() if word in has))

    def open(
        self,
        source: GraphSource,
        device: str,
        precision: str,
        num_threads: int,
        per_shape: bool = False,
    ) -> Graph:
        """See `Runtime.open`."""
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": num_threads,
            # Other programs want the same cores.
            "ENABLE_CPU_PINNING": False,
        }

        def compiled(model: Any) -> Any:
            return self._core.compile_model(model, "CPU", options).create_infer_request()

        try:
            if source.content is None:
                model = self._core.read_model(source.path)
            else:
                model = self._core.read_model(source.content, b"")
            return OpenVinoGraph(source, model, precision, compiled, per_shape)
        except Exception as error:  # OpenVINO's errors share no base class but this
            raise WeightsError(
                f"{source.path} is no ONNX file that OpenVINO reads: {shown(reason_of(error))}"
            ) from error


class OpenVinoGraph(Graph):
    """A compiled model; see `Graph`."""

    runtime = OpenVino.name
    device = "cpu"

    def __init__(
        self,
        source: GraphSource,
        model: Any,
        precision: str,
        compiled: Callable[[Any], Any],
        per_shape: bool,
    ) -> None:
        self.source, self.precision = source, precision
        self.inputs = tuple(map(_port, model.inputs))
        self.outputs = tuple(map(_port, model.outputs))
        self.metadata = _metadata(model)
        self._compiled, self._request = compiled, compiled(model)
        self._model = model if per_shape else None
        self._requests: dict[Shapes, Any] = {}

    def prepare(self, inputs: Arrays) -> None:
        """See `Graph.prepare`."""
        shapes = _shapes(inputs)
        if self._model is None or shapes in self._requests or len(self._requests) >= _MOST_SHAPES:
            return
        model = self._model.clone()
        model.reshape({name: list(array.shape) for name, array in inputs.items()})
        self._requests[shapes] = self._compiled(model)

    def run(self, inputs: Arrays) -> list[Array]:
        """See `Graph.run`."""
        request = self._requests.get(_shapes(inputs), self._request)
        given = request.infer(dict(inputs), share_inputs=True)
        return [np.asarray(given[index]) for index in range(len(self.outputs))]


def _shapes(inputs: Arrays) -> Shapes:
    return tuple((name, array.shape) for name, array in inputs.items())


def _port(port: Any) -> Port:
    shape = tuple(
        None if side.is_dynamic else side.get_length() for side in port.get_partial_shape()
    )
    return Port(
        port.get_any_name(), shape, str(port.get_element_type().to_dtype()), ("",) * len(shape)
    )


def _metadata(model: Any) -> Mapping[str, str]:
    """What stands in an ONNX file's properties."""
    if not model.has_rt_info("framework"):
        return {}
    return {key: str(value) for key, value in model.get_rt_info("framework").value.items()}
