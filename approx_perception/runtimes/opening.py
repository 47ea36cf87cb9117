"""Open a graph as a user wants it to be run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from approx_perception.exceptions import ConfigurationError, WeightsError, choices, shown
from approx_perception.files import check_file, foreign_kind
from approx_perception.notices import notice
from approx_perception.runtimes._base import (
    PRECISIONS,
    Graph,
    GraphSource,
    Runtime,
    RuntimeOptions,
)
from approx_perception.runtimes.registry import (
    AUTO,
    REFERENCE,
    installed_runtimes,
    runtime_named,
)

__all__ = ["Setup", "open_graph", "open_reference", "setups"]


@dataclass(frozen=True, slots=True)
class Setup:
    """One way to run a graph.

    Attributes
    ----------
    runtime, device, precision
        By name; see `Runtime`.
    per_shape
        Whether the graph is compiled for each shape that it is prepared for.
    """

    runtime: str
    device: str
    precision: str
    per_shape: bool = False

    def open(self, source: GraphSource, num_threads: int) -> Graph:
        """Load a graph; see `Runtime.open`."""
        runtime = runtime_named(self.runtime)
        return runtime.open(source, self.device, self.precision, num_threads, self.per_shape)

    @property
    def words(self) -> str:
        """For humans."""
        device = "" if self.device == "cpu" else f" {self.device}"
        shapes = " by shape" if self.per_shape else ""
        return f"{self.runtime}{device} {self.precision}{shapes}"


def setups(options: RuntimeOptions) -> Iterator[Setup]:
    """All that options allow here, the reference first where it is among them.

    A runtime is imported when its turn comes.

    Raises
    ------
    ConfigurationError
        If an option names what is not here.
    """
    if options.precision not in PRECISIONS:
        raise ConfigurationError(
            f"there is no precision {shown(options.precision)}; choose {choices(PRECISIONS)}"
        )
    names = installed_runtimes() if options.runtime == AUTO else (options.runtime,)
    problems = []
    for runtime in map(runtime_named, names):
        try:
            yield from _setups_of(runtime, options)
        except ConfigurationError as problem:
            problems.append(problem)
    if len(problems) == len(names):
        raise problems[0]


def _setups_of(runtime: Runtime, options: RuntimeOptions) -> Iterator[Setup]:
    devices = _devices_of(runtime, options.device)
    pairs = [(device, each) for device in devices for each in runtime.precisions(device)]
    found = [pair for pair in pairs if options.precision in (AUTO, pair[1])]
    if not found:
        raise ConfigurationError(
            f"{runtime.name} has no precision {shown(options.precision)} on the "
            f"{' and '.join(devices)} of this machine; choose "
            f"{choices(dict.fromkeys((AUTO, *(precision for _, precision in pairs))))}"
        )
    for device, precision in found:
        yield Setup(runtime.name, device, precision)


def _devices_of(runtime: Runtime, wanted: str) -> tuple[str, ...]:
    if wanted == AUTO:
        return runtime.devices_of_auto()
    devices = runtime.devices()
    kind, colon, number = wanted.partition(":")
    if kind not in devices or (colon and not number.isdecimal()):
        raise ConfigurationError(
            f"{runtime.name} cannot use the device {shown(wanted)} here; choose "
            f"{choices((AUTO, *devices))}"
        )
    return (wanted,)


def open_graph(path: Path, options: RuntimeOptions, graph: bytes | None = None) -> Graph:
    """Load an ONNX file, or another graph made of it, in the first setup that options allow.

    A device that fails is told, and the next one taken. Where options leave a choice, `settled`
    finds the fastest.

    Raises
    ------
    ConfigurationError
        If there is no such runtime, device or precision here, or the only device fails.
    WeightsError
        If the file is missing, or the runtime does not read it.
    """
    _check_kind(path)
    failed: ConfigurationError | None = None
    for setup in setups(options):
        try:
            opened = setup.open(GraphSource(path, graph), options.num_threads)
        except ConfigurationError as problem:
            failed = failed or problem
            continue
        if failed is not None:
            notice(f"{failed}; the network runs in {setup.words}")
        return opened
    assert failed is not None  # Options that allow nothing are refused.
    raise failed


def _check_kind(path: Path) -> None:
    check_file(path, "weights file", WeightsError)
    if kind := foreign_kind(path):
        raise WeightsError(f"{path} is no ONNX file: it is {kind}")


def open_reference(path: Path, options: RuntimeOptions, graph: bytes | None = None) -> Graph:
    """Load it in onnxruntime and float32, with which others are compared.

    Raises
    ------
    ConfigurationError
        If options name what is not here.
    WeightsError
        If the file is missing, or no ONNX file.
    """
    _check_kind(path)
    device = options.device if next(setups(options)).runtime == REFERENCE else AUTO
    plain = RuntimeOptions(REFERENCE, "float32", device, options.num_threads)
    return open_graph(path, plain, graph)
