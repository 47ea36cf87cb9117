"""Open a graph as a user wants it to be run."""

from pathlib import Path

from approx_perception.exceptions import ConfigurationError, WeightsError, choices, shown
from approx_perception.files import check_file
from approx_perception.runtimes._base import Graph, GraphSource, Runtime, RuntimeOptions
from approx_perception.runtimes.registry import AUTO, installed_runtimes, runtime_named

__all__ = ["open_graph"]


def open_graph(path: Path, options: RuntimeOptions, graph: bytes | None = None) -> Graph:
    """Load an ONNX file, or another graph made of it.

    Where the runtime is ``auto`` this takes the first that is installed and has the device, in
    float32.

    Raises
    ------
    ConfigurationError
        If there is no such runtime, device or precision here.
    WeightsError
        If the file is missing, or the runtime does not read it.
    """
    check_file(path, "weights file", WeightsError)
    runtime = runtime_named(installed_runtimes()[0] if options.runtime == AUTO else options.runtime)
    device = device_of(runtime, options.device)
    precision = precision_of(runtime, device, options.precision)
    return runtime.open(GraphSource(path, graph), device, precision, options.num_threads)


def device_of(runtime: Runtime, wanted: str) -> str:
    """Device that is meant.

    Raises
    ------
    ConfigurationError
        If the runtime does not have it here.
    """
    devices = runtime.devices()
    if wanted == AUTO:
        return devices[0]
    kind, colon, number = wanted.partition(":")
    if kind not in devices or (colon and not number.isdecimal()):
        raise ConfigurationError(
            f"{runtime.name} cannot use the device {shown(wanted)} here; choose "
            f"{choices((AUTO, *devices))}"
        )
    return wanted


def precision_of(runtime: Runtime, device: str, wanted: str) -> str:
    """Precision that is meant.

    Raises
    ------
    ConfigurationError
        If the device does not have it.
    """
    precisions = runtime.precisions(device)
    if wanted == AUTO:
        return precisions[0]
    if wanted not in precisions:
        raise ConfigurationError(
            f"{runtime.name} has no precision {shown(wanted)} on {device}; choose "
            f"{choices((AUTO, *precisions))}"
        )
    return wanted
