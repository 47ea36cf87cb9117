"""One process that keeps a share of one resource busy; run as a script by `ContentionGenerator`.

Imports nothing of this package, so that it starts at once and costs nothing but what is asked.

    python contention_worker.py KIND AMOUNT CORE SECONDS PARENT_PID

Prints "ready" when it begins. Ends by itself after SECONDS, on SIGTERM, or when its parent is gone;
then prints what it achieved as one JSON line.
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

_PERIOD_S = 0.02
_COPY_BYTES = 4 << 20
#: Larger than any cache, so that copies go through to memory.
_BUFFER_BYTES = 128 << 20
_MATRIX_SIDE = 1024


class _Stopped(Exception):  # noqa: N818 - not an error
    pass


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _burn_cpu(seconds: float) -> float:
    """Compute until that much CPU time went by, or a period did; returns the CPU time."""
    start, end = time.process_time(), time.perf_counter() + _PERIOD_S
    while time.process_time() - start < seconds and time.perf_counter() < end:
        for value in range(500):
            value * value
    return time.process_time() - start


def _memory_mover() -> Callable[[float], float]:
    """Return what moves so many MB (read and written both counted) and tells how many it did."""
    import numpy as np

    source = np.ones(_BUFFER_BYTES, np.uint8)
    target = np.ones(_BUFFER_BYTES, np.uint8)
    position = 0

    def move(megabytes: float) -> float:
        nonlocal position
        moved, end = 0.0, time.perf_counter() + _PERIOD_S
        while moved < megabytes and time.perf_counter() < end:
            part = slice(position, position + _COPY_BYTES)
            target[part] = source[part]
            position = (position + _COPY_BYTES) % _BUFFER_BYTES
            moved += 2 * _COPY_BYTES / 1e6
        return moved

    return move


def _gpu_burner() -> Callable[[float], float]:
    """Return what keeps the GPU busy for so many seconds and tells for how many it did."""
    import torch

    matrix = torch.ones(_MATRIX_SIDE, _MATRIX_SIDE, device="cuda")

    def burn(seconds: float) -> float:
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            matrix @ matrix
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return burn


def _work(kind: str, amount: float, seconds: float, parent: int, achieved: list[float]) -> None:
    """Spend ``amount`` a second, in short periods, until told to end; tells amount and time."""
    spend = {"cpu": lambda: _burn_cpu, "memory": _memory_mover, "gpu": _gpu_burner}[kind]()
    # Whoever started us waits for this: making ready is a load of its own.
    print("ready", flush=True)
    begin = time.perf_counter()
    while (start := time.perf_counter()) < begin + seconds and os.getppid() == parent:
        achieved[1] = start - begin
        # What sleep and others took is made up for, but not more than one period of it.
        owed = amount * (achieved[1] + _PERIOD_S) - achieved[0]
        achieved[0] += spend(min(owed, 2 * amount * _PERIOD_S))
        # At full load there is nothing left to wait for.
        if (rest := start + _PERIOD_S - time.perf_counter()) > 0:
            time.sleep(rest)


def main() -> None:
    """Work as the command line says."""
    kind, amount, core, seconds, parent = sys.argv[1:]
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if int(core) >= 0 and hasattr(os, "sched_setaffinity"):
        # A core that this process may not use: any other will do.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {int(core)})
    achieved = [0.0, 0.0]
    with contextlib.suppress(_Stopped):
        _work(kind, float(amount), float(seconds), int(parent), achieved)
    # Nobody may be left to read it.
    with contextlib.suppress(OSError):
        print(
            json.dumps({"kind": kind, "achieved": achieved[0] / max(achieved[1], _PERIOD_S)}),
            flush=True,
        )


if __name__ == "__main__":
    main()
