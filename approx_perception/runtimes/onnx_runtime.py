"""onnxruntime: CPU, and NVIDIA's GPUs by CUDA or TensorRT."""

import re
from typing import Any

import onnxruntime as ort

from approx_perception.exceptions import ConfigurationError, WeightsError, reason_of, shown
from approx_perception.runtimes._base import Array, Arrays, Graph, GraphSource, Port, Runtime

__all__ = ["OnnxRuntime"]

_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_PRECISIONS = {"tensorrt": ("float32", "float16", "bfloat16")}
#: What begins its errors.
_NOISE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .*? failed:)?")
#: Characters: it names files by their whole paths.
_LONGEST_REASON = 400
#: Where onnxruntime's words are not NumPy's.
_DTYPES = {"float": "float32", "double": "float64"}


class OnnxRuntime(Runtime):
    """Graphs with free sides run at any shape; float32 but for TensorRT."""

    name = "onnxruntime"

    def devices(self) -> tuple[str, ...]:
        """See `Runtime.devices`."""
        available = ort.get_available_providers()
        return tuple(name for name, provider in _PROVIDERS.items() if provider in available)

    def devices_of_auto(self) -> tuple[str, ...]:
        """See `Runtime.devices_of_auto`; TensorRT builds an engine for each shape, for minutes."""
        return tuple(name for name in self.devices() if name != "tensorrt")

    def precisions(self, device: str) -> tuple[str, ...]:
        """See `Runtime.precisions`."""
        return _PRECISIONS.get(device.partition(":")[0], ("float32",))

    def open(
        self,
        source: GraphSource,
        device: str,
        precision: str,
        num_threads: int,
        per_shape: bool = False,
    ) -> Graph:
        """See `Runtime.open`."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = num_threads
        # A plan of memory for each shape: 40 MB more for the shipped network, and no time won.
        options.enable_mem_pattern = False
        # What it would print comes as an exception.
        options.log_severity_level = 4
        # Threads that spin between two frames would take the cores of trackers and ROS.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        content = str(source.path) if source.content is None else source.content
        providers = [_provider(device, precision)]
        if device != "cpu":
            providers.append(_provider("cpu", precision))
        try:
            session = ort.InferenceSession(content, options, providers=providers)
        except Exception as error:  # onnxruntime's errors share no base class but this
            reason = shown(_NOISE.sub("", reason_of(error)), _LONGEST_REASON)
            raise WeightsError(
                f"{source.path} is no ONNX file that onnxruntime reads: {reason}"
            ) from error
        # A provider whose libraries are missing is left out without an error.
        if session.get_providers()[0] != providers[0][0]:
            raise ConfigurationError(
                f"onnxruntime has the device {shown(device)} but could not start it; are the "
                "driver, CUDA and cuDNN of its version installed?"
            )
        return OnnxRuntimeGraph(source, session, device, precision)


class OnnxRuntimeGraph(Graph):
    """A session; see `Graph`."""

    runtime = OnnxRuntime.name

    def __init__(self, source: GraphSource, session: Any, device: str, precision: str) -> None:
        self.source, self.device, self.precision = source, device, precision
        self._session = session
        self.inputs = tuple(map(_port, session.get_inputs()))
        self.outputs = tuple(map(_port, session.get_outputs()))
        self.metadata = dict(session.get_modelmeta().custom_metadata_map)

    def run(self, inputs: Arrays) -> list[Array]:
        """See `Graph.run`."""
        outputs: list[Array] = self._session.run(None, dict(inputs))
        return outputs


def _provider(device: str, precision: str) -> tuple[str, dict[str, Any]]:
    kind, _, number = device.partition(":")
    options: dict[str, Any] = {"device_id": int(number)} if number else {}
    if kind == "tensorrt":
        options["trt_fp16_enable"] = precision == "float16"
        options["trt_bf16_enable"] = precision == "bfloat16"
    return _PROVIDERS[kind], options


def _port(value: Any) -> Port:
    word = re.fullmatch(r"tensor\((\w+)\)", value.type)
    if word is None:
        return Port(value.name, None, value.type)
    dtype = _DTYPES.get(word[1], word[1])
    shape = tuple(side if isinstance(side, int) else None for side in value.shape)
    symbols = tuple(side if isinstance(side, str) else "" for side in value.shape)
    return Port(value.name, shape, dtype, symbols)
