"""What parts take longer while what runs beside the frames is under way."""

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from approx_perception.clock import Clock
from approx_perception.kernels import Kernel, Trial

__all__ = ["slowdowns_beside"]

_ROUNDS = 3


def slowdowns_beside(
    kernel: Kernel, images: Sequence[npt.NDArray[np.uint8]], clock: Clock
) -> list[float]:
    """``(P,)`` log ratio of what parts take side by side to what they take alone; none below 0.

    Parts of frames are timed with and without a thread that runs a part of those beside, in turns,
    so that what else is using the machine hits both alike. The parts beside share one ratio. Of a
    kernel that runs nothing beside, all are 0.

    Parameters
    ----------
    kernel
        Warm.
    images
        Successive, of one size.
    clock
        Times it.
    """
    count = len(kernel.space.compiled.parts)
    if kernel.space.beside is None:
        return [0.0] * count
    compiled = kernel.space.beside.compiled
    own = sorted({int(part) for part in compiled.beside if part < count})
    trials: dict[int, list[Trial]] = {}
    for trial in kernel.trials(images):
        trials.setdefault(trial.part, []).append(trial)
    # One of middling size stands for all.
    slow = trials[own[len(own) // 2]][0]
    alone, beside = _timed(slow, [t for p, own_trials in trials.items() if p not in own
                                  for t in own_trials], clock)  # fmt: skip
    log_ratios = np.zeros(count)
    for part, ms in alone.items():
        log_ratios[part] = max(np.log(np.median(beside[part]) / np.median(ms)), 0.0)
    log_ratios[own] = log_ratios[slow.part]
    return [float(value) for value in log_ratios.round(4)]


def _timed(
    slow: Trial, trials: Sequence[Trial], clock: Clock
) -> tuple[dict[int, list[float]], dict[int, list[float]]]:
    """Times in ms of each part alone and side by side with the slow one, which is timed too."""
    alone: dict[int, list[float]] = {}
    beside: dict[int, list[float]] = {}

    def time(trial: Trial, times: dict[int, list[float]]) -> None:
        trial.prepare()
        start_ns = clock.monotonic_ns()
        trial.run()
        elapsed_ms = (clock.monotonic_ns() - start_ns) / 1e6
        times.setdefault(trial.part, []).append(max(elapsed_ms, 1e-3))

    def run_on(over: threading.Event) -> None:
        while not over.is_set():
            time(slow, beside)

    for _ in range(_ROUNDS):
        for trial in (slow, *trials):
            time(trial, alone)
        over = threading.Event()
        thread = threading.Thread(target=run_on, args=(over,), name="beside")
        thread.start()
        try:
            for trial in trials:
                time(trial, beside)
        finally:
            over.set()
            thread.join()
    return alone, beside
