"""Detectors from ONNX files: whatever its exporter, a file is recognised by what it gives."""

from dataclasses import replace
from pathlib import Path

from approx_perception.detectors._base import DetectorOptions
from approx_perception.detectors.onnx._class_names import class_names_of
from approx_perception.detectors.onnx._freed import freed
from approx_perception.detectors.onnx._recognition import recognise
from approx_perception.detectors.onnx._runtime import in_its_runtime
from approx_perception.detectors.onnx._stated import read_stated
from approx_perception.detectors.onnx.detector import ONNXDetector
from approx_perception.exceptions import WeightsError
from approx_perception.notices import notice

__all__ = ["ONNXDetector", "load"]


def load(options: DetectorOptions) -> ONNXDetector:
    """Load an ONNX file, with what `NAME.network.yaml` beside it says of it.

    A file for one size gets free sides where its graph allows it; else the reason is told.

    Raises
    ------
    ConfigurationError
        If the runtime, its device or its precision is not there.
    WeightsError
        If the file is missing, corrupt or of no known convention, or its classes have no names.
    """
    if not options.weights:
        raise WeightsError("onnx needs weights: name an ONNX file")
    path = Path(options.weights)
    stated = read_stated(path)
    network = recognise(path, options, stated)
    names = class_names_of(network, options.class_names_file, stated)
    # One size that is told was not guessed: others are not tried.
    file, why = (None, "its network.yaml says so") if stated.size else freed(network, options)
    if file is not None:
        network = replace(network, file=file)
    elif why:
        width, height = network.file.fixed_size or (0, 0)
        notice(f"{path.name} runs at {width}x{height} px only: {why}")
        network = replace(network, why_one_shape=why)
    return ONNXDetector(in_its_runtime(network, options), names)
