"""Find runtimes by name."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.runtimes._base import Runtime

__all__ = ["AUTO", "REFERENCE", "installed_runtimes", "runtime_named", "runtime_names"]

#: The fastest on this machine.
AUTO = "auto"
#: The one that is always there.
REFERENCE = "onnxruntime"
#: Library, and its runtime here.
_RUNTIMES = {
    REFERENCE: "approx_perception.runtimes.onnx_runtime:OnnxRuntime",
    "openvino": "approx_perception.runtimes.open_vino:OpenVino",
}


def runtime_names() -> tuple[str, ...]:
    """Names of all runtimes, installed or not."""
    return tuple(_RUNTIMES)


def installed_runtimes() -> tuple[str, ...]:
    """Names of those whose library is installed."""
    return tuple(name for name in _RUNTIMES if find_spec(name) is not None)


@cache
def runtime_named(name: str) -> Runtime:
    """Import a runtime's library.

    Raises
    ------
    ConfigurationError
        If there is no such runtime, or its library is not installed.
    """
    if name not in _RUNTIMES:
        raise ConfigurationError(
            f"there is no runtime {shown(name)}; choose {choices((AUTO, *_RUNTIMES))}"
        )
    if name not in installed_runtimes():
        raise ConfigurationError(
            f"the runtime {shown(name)} is not installed (pip install {name}); choose "
            f"{choices((AUTO, *installed_runtimes()))}"
        )
    module, kind = _RUNTIMES[name].split(":")
    runtime: Runtime = getattr(import_module(module), kind)()
    return runtime
