"""Networks and branch spaces by name."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from approx_perception.assembly.options import KernelOptions
from approx_perception.assembly.tasks import NeuralNetwork, task_of
from approx_perception.branches import Space, read_space_file
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.machine import core_count, describe_cpu
from approx_perception.runtimes import AUTO, PRECISIONS, runtime_names
from approx_perception.share import share_folder

__all__ = ["as_profiled", "load_network", "load_space", "machine_name", "space_names", "space_of"]

#: Other words for shipped spaces.
_ALIASES = {"yolox": "onnx"}


def space_names() -> tuple[str, ...]:
    """Names of the shipped spaces."""
    return tuple(sorted(path.stem for path in (share_folder("config") / "spaces").glob("*.yaml")))


def load_space(name: str, own: str, task: str = "detection") -> Space[Any]:
    """Read a space by name or file; empty means the network's ``own``.

    Raises
    ------
    ConfigurationError
        If there is no such space, or it is not valid, or of another task.
    """
    name = _ALIASES.get(name, name) or own
    if name in space_names():
        path = share_folder("config") / "spaces" / f"{name}.yaml"
    elif not (path := Path(name)).exists():
        raise ConfigurationError(
            f"there is no branch space {shown(name)}; give a YAML file or {choices(space_names())}"
        )
    space = read_space_file(path)
    if space.task != task:
        raise ConfigurationError(f"the space {shown(name)} is for {space.task}, not for {task}")
    return space


def space_of(options: KernelOptions, network: NeuralNetwork) -> Space[Any]:
    """Read the space that options name for a network; the family's own is fitted to it.

    Raises
    ------
    ConfigurationError
        See `load_space`.
    """
    task = task_of(options)
    space = load_space(options.space, task.family(options), task.name)
    return space if options.space else task.fitted(space, network)


def machine_name(network: NeuralNetwork, num_threads: int) -> str:
    """What latencies depend on beside network and space."""
    how = f"{network.runtime} on {network.device}, {network.precision}"
    return f"{describe_cpu()}, {how}, {num_threads} threads"


def as_profiled(options: KernelOptions, metadata: Mapping[str, Any]) -> KernelOptions:
    """Options in the runtime and precision of a profile where they leave them open.

    The choice at start is by stopwatch, and might be another one.
    """
    known = {"runtime": runtime_names(), "precision": PRECISIONS}
    profiled = {
        name: metadata[name]
        for name, names in known.items()
        if getattr(options, name) == AUTO and metadata.get(name) in names
    }
    return replace(options, **profiled)


def load_network(
    options: KernelOptions,
    report: Callable[[str], None] = lambda _: None,
) -> tuple[NeuralNetwork, int]:
    """Load the network that options name; returns its number of threads too.

    Parameters
    ----------
    options
        What the user chose.
    report
        Called while a network that is named is downloaded; what it raises ends that.

    Raises
    ------
    ConfigurationError
        If an option cannot be used.
    WeightsError
        If the network cannot be loaded.
    """
    # With all cores taken, an inference waits for whichever of them does something else.
    num_threads = options.num_threads or max(core_count() - 1, 1)
    task = task_of(options)
    task.fetch(options, lambda *progress: report(download_text(*progress)))
    return task.load(options, num_threads), num_threads


def download_text(text: str, done: int, total: int) -> str:
    """How far a download is, for a line that is replaced by the next one."""
    if total:
        return f"{text}: {100 * done // total} % of {total / 1e6:.1f} MB"
    return f"{text}: {done / 1e6:.0f} MB" if done else text
