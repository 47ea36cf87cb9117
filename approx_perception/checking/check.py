"""Load a network, run it at every setting, and say what is known of it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import psutil

from approx_perception.assembly.loading import load_network, space_of
from approx_perception.assembly.options import KernelOptions
from approx_perception.assembly.tasks import NeuralNetwork, task_of
from approx_perception.checking.result import CheckResult, Setting
from approx_perception.checking.tasks import TaskCheck, check_of
from approx_perception.clock import Clock, MonotonicClock
from approx_perception.datasets import open_source
from approx_perception.datasets.cameras import public_name
from approx_perception.detectors import malformed_sentence
from approx_perception.exceptions import DatasetError, OutputError, WeightsError
from approx_perception.kernels import Kernel
from approx_perception.kernels.annotate import annotate
from approx_perception.structures import Frame

__all__ = ["PICTURE", "check_network"]

#: Name of the picture in the folder of results.
PICTURE = "check.png"
_RUNS, _WARM_UP = 10, 2
#: A setting that takes longer in all is run less often, at least three times.
_LONGEST_S, _LEAST_RUNS = 5.0, 3
_MB = 1e6
Report = Callable[[str], None]


def check_network(
    candidates: Sequence[KernelOptions],
    image: str,
    folder: Path,
    report: Report = lambda _: None,
    clock: Clock | None = None,
) -> CheckResult:
    """Check the network that options name.

    Parameters
    ----------
    candidates
        Options of each task that the file may be for; the first that takes it counts.
    image
        A source, whose first image is looked at; empty for a synthetic one.
    folder
        Gets the picture.
    report
        Called with what is being done.
    clock
        Where latencies come from.

    Raises
    ------
    ApproxPerceptionError
        If the network cannot be used, or the image not be had.
    """
    process = psutil.Process()
    # What can be refused without the network is, before seconds of loading.
    frame = _frame(image) if image else None
    before = process.memory_info().rss
    options, network, threads = _opened(candidates, report)
    loaded = process.memory_info().rss
    task, own = task_of(options), check_of(options.task)
    frame = frame or _frame(own.synthetic)
    space = space_of(options, network)
    kernel = task.kernel(network, space)
    clock = clock or MonotonicClock()
    tries = _tries(kernel, frame)
    # Before latencies are measured: what is malformed counts once.
    outputs = [own.output(run()[0], frame) for run in tries.values()]
    warnings = own.warnings(outputs, frame, bool(image))
    if kernel.malformed_count:
        warnings.append(malformed_sentence(kernel.malformed_count, network.description))
    settings = []
    for (name, run), output in zip(tries.items(), outputs, strict=True):
        report(f"measuring {name}")
        times = _times(run, clock)
        median, p95 = map(float, np.quantile(times, [0.5, 0.95]))
        found = own.words(output, network.class_names)
        settings.append(Setting(name, median, p95, len(times), found))
    _draw(folder / PICTURE, own, outputs[-1], frame, kernel)
    height, width = frame.image.shape[:2]
    path = network.weights_path
    return CheckResult(
        options.task, network.description, network.told(), network.caution, network.class_names,
        network.runtime, network.device, network.precision, threads, network.runtime_reason,
        len(space),
        {
            "file": path.stat().st_size / _MB if path else 0.0,
            "loaded": (loaded - before) / _MB,
            "all settings": (process.memory_info().rss - before) / _MB,
        },
        public_name(image or own.synthetic), (width, height), settings, warnings,
    )  # fmt: skip


def _opened(
    candidates: Sequence[KernelOptions], report: Report
) -> tuple[KernelOptions, NeuralNetwork, int]:
    refused: list[WeightsError] = []
    for options in candidates:
        try:
            return options, *load_network(options, report=report)
        except WeightsError as error:
            refused.append(error)
    raise refused[0]


def _frame(source: str) -> Frame:
    first = next(iter(open_source(source, frame_count=1)), None)
    if first is None:
        raise DatasetError(f"{public_name(source)} has no image")
    return first.frame


def _tries(kernel: Kernel, frame: Frame) -> dict[str, Callable[[], list[Any]]]:
    """A run of each part that starts groups, by its name."""
    compiled, state = kernel.space.compiled, kernel.state()
    return {
        compiled.parts[part].name.rpartition(" ")[2]: partial(
            kernel.run_together, [(state, frame)], part
        )
        for part in compiled.main_parts[0].tolist()
    }


def _times(run: Callable[[], Any], clock: Clock) -> list[float]:
    """What runs take in ms, without those that warm it up."""
    times: list[float] = []
    for _ in range(_WARM_UP + _RUNS):
        start_ns = clock.monotonic_ns()
        run()
        times.append((clock.monotonic_ns() - start_ns) / 1e6)
        if len(times) >= _WARM_UP + _LEAST_RUNS and sum(times) > 1000 * _LONGEST_S:
            break
    return times[_WARM_UP:]


def _draw(path: Path, own: TaskCheck, output: Any, frame: Frame, kernel: Kernel) -> None:
    lines = [kernel.description]
    drawn: npt.NDArray[np.uint8] = annotate(
        frame.image, output, kernel.class_names, lines, own.least_score(output)
    )
    if not cv2.imwrite(str(path), drawn):
        raise OutputError(f"cannot write the picture {path}")
