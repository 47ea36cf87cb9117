"""OpenVINO: Intel's and Arm's CPUs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino as ov

from approx_perception.exceptions import WeightsError, reason_of, shown
from approx_perception.runtimes._base import Array, Arrays, Graph, GraphSource, Port, Runtime

__all__ = ["OpenVino"]

_HINTS = {"float32": ov.Type.f32, "bfloat16": ov.Type.bf16, "float16": ov.Type.f16}
#: What it says of a processor's units.
_CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}


class OpenVino(Runtime):
    """The precisions are those that the processor has units for."""

    name = "openvino"

    def __init__(self) -> None:
        self._core = ov.Core()

    def devices(self) -> tuple[str, ...]:
        """See `Runtime.devices`."""
        return ("cpu",)

    def precisions(self, device: str) -> tuple[str, ...]:
        """See `Runtime.precisions`."""
        has = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return ("float32", *(name for name, word in _CAPABILITIES.items() if word in has))

    def open(self, source: GraphSource, device: str, precision: str, num_threads: int) -> Graph:
        """See `Runtime.open`."""
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": num_threads,
            # Other programs want the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            if source.content is None:
                model = self._core.read_model(source.path)
            else:
                model = self._core.read_model(source.content, b"")
            compiled = self._core.compile_model(model, "CPU", options)
        except Exception as error:  # OpenVINO's errors share no base class but this
            raise WeightsError(
                f"{source.path} is no ONNX file that OpenVINO reads: {shown(reason_of(error))}"
            ) from error
        return OpenVinoGraph(source, model, compiled, precision)


class OpenVinoGraph(Graph):
    """A compiled model; see `Graph`."""

    runtime = OpenVino.name
    device = "cpu"

    def __init__(self, source: GraphSource, model: Any, compiled: Any, precision: str) -> None:
        self.source, self.precision = source, precision
        self.inputs = tuple(map(_port, model.inputs))
        self.outputs = tuple(map(_port, model.outputs))
        self.metadata = _metadata(model)
        self._request = compiled.create_infer_request()

    def run(self, inputs: Arrays) -> list[Array]:
        """See `Graph.run`."""
        given = self._request.infer(dict(inputs), share_inputs=True)
        return [np.asarray(given[index]) for index in range(len(self.outputs))]


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
