"""Sessions of onnxruntime as all families open them."""

from pathlib import Path
from typing import Any

import onnxruntime as ort

from approx_perception.detectors._base import DetectorOptions
from approx_perception.exceptions import ConfigurationError, WeightsError, reason_of, shown
from approx_perception.files import check_file

__all__ = ["open_session"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def open_session(path: Path, options: DetectorOptions, graph: bytes | None = None) -> Any:
    """Load an ONNX file, or another graph made of it.

    Raises
    ------
    ConfigurationError
        If the device is not there.
    WeightsError
        If the file is missing, or onnxruntime does not read it.
    """
    check_file(path, "weights file", WeightsError)
    session_options = ort.SessionOptions()
    session_options.intra_op_num_threads = options.num_threads
    # What it would print comes as an exception.
    session_options.log_severity_level = 4
    # Threads that spin between two frames would take the cores of trackers and ROS.
    session_options.add_session_config_entry("session.force_spinning_stop", "1")
    providers = _providers(options.device)
    try:
        return ort.InferenceSession(graph or str(path), session_options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class but this
        raise WeightsError(
            f"{path} is no ONNX file that onnxruntime reads: {shown(reason_of(error))}"
        ) from error


def _providers(device: str) -> list[str]:
    available = ort.get_available_providers()
    if device == "auto":
        return [p for p in (_PROVIDERS["cuda"], _PROVIDERS["cpu"]) if p in available]
    provider = _PROVIDERS.get(device.split(":", maxsplit=1)[0], device)
    if provider not in available:
        raise ConfigurationError(
            f"onnxruntime cannot use the device {shown(device)}; it has {', '.join(available)}"
        )
    return [provider]
