"""Keep cores, memory and GPU busy by a known amount, to learn what that does to latency."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from approx_perception.exceptions import ConfigurationError, counted
from approx_perception.extras import needed_for
from approx_perception.machine import allowed_cores, core_count
from approx_perception.profiling import contention_worker

__all__ = ["ContentionGenerator", "ContentionLevel"]

_STOP_TIMEOUT_S = 5.0
#: Longest life of a worker whose user did not say; the user's death ends it earlier.
_LONGEST_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class ContentionLevel:
    """How much to take of what.

    Attributes
    ----------
    cpu_cores
        Cores to keep busy.
    cpu_share
        Share of each of them, 0..1.
    memory_mb_s
        Memory traffic in MB/s, read and written both counted; takes a core's time too.
    gpu_share
        Share of the time that the GPU is kept busy, 0..1.

    Raises
    ------
    ConfigurationError
        If an amount is outside its range or more than this process may use.
    """

    cpu_cores: int = 0
    cpu_share: float = 1.0
    memory_mb_s: float = 0.0
    gpu_share: float = 0.0

    def __post_init__(self) -> None:
        cores = core_count()
        if not 0 <= self.cpu_cores <= cores:
            raise ConfigurationError(
                f"cannot keep {self.cpu_cores} CPU cores busy; this machine has {cores} for us"
            )
        for name in ("cpu_share", "gpu_share"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ConfigurationError(f"{name} is {value}; it must lie between 0 and 1")
        if not 0 <= self.memory_mb_s < float("inf"):
            raise ConfigurationError(
                f"memory_mb_s is {self.memory_mb_s}; it must be a finite number, 0 or more"
            )

    @property
    def cpu(self) -> float:
        """Share of all cores of ours together that is asked for, 0..1."""
        return self.cpu_cores * self.cpu_share / core_count()

    @property
    def memory(self) -> float:
        """Memory traffic in GB/s."""
        return self.memory_mb_s / 1e3

    def __str__(self) -> str:
        parts = (
            [f"{counted(self.cpu_cores, 'core')} at {self.cpu_share:.0%}"] if self.cpu_cores else []
        )
        parts += [f"memory at {self.memory_mb_s:g} MB/s"] if self.memory_mb_s else []
        parts += [f"GPU at {self.gpu_share:.0%}"] if self.gpu_share else []
        return ", ".join(parts) or "no contention"


class ContentionGenerator:
    """Run a level in processes of its own, from ``with`` to its end.

    The processes end with the block, after ``seconds``, or when this process is gone, however
    it went.

    Parameters
    ----------
    level
        What to take.
    seconds
        Longest time; None for as long as the block lasts.

    Raises
    ------
    ConfigurationError
        If the level names a GPU, and there is none or PyTorch, which keeps it busy, is missing.
    """

    def __init__(self, level: ContentionLevel, seconds: float | None = None) -> None:
        self._level = level
        self._seconds = seconds or _LONGEST_S
        self._processes: list[subprocess.Popen[str]] = []
        #: What was had, once it ended: cores busy, MB/s and GPU share by kind.
        self.achieved: dict[str, float] = {}
        if level.gpu_share:
            with needed_for("load on a GPU", "train"):
                import torch
            if not torch.cuda.is_available():
                raise ConfigurationError(
                    f"gpu is {level.gpu_share}, but there is no GPU that PyTorch can use here; "
                    "leave it at 0"
                )

    def __enter__(self) -> "ContentionGenerator":
        level = self._level
        if level.cpu_share:
            for core in range(level.cpu_cores):
                self._start("cpu", level.cpu_share, core)
        if level.memory_mb_s:
            # Not on the cores that are kept busy first.
            self._start("memory", level.memory_mb_s, core_count() - 1)
        if level.gpu_share:
            self._start("gpu", level.gpu_share, -1)
        for process in self._processes:
            # Their imports and buffers would count as contention that nobody asked for.
            if process.stdout is not None:
                process.stdout.readline()
        return self

    def _start(self, kind: str, amount: float, core: int) -> None:
        cores = allowed_cores()
        place = cores[core % len(cores)] if core >= 0 else core
        arguments = (kind, amount, place, self._seconds, os.getpid())
        self._processes.append(
            subprocess.Popen(
                [sys.executable, str(Path(contention_worker.__file__)), *map(str, arguments)],
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    def wait(self) -> None:
        """Wait until all have ended by themselves."""
        for process in self._processes:
            process.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                output, _ = process.communicate(timeout=_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            for line in output.splitlines():
                result = json.loads(line)
                total = self.achieved.get(result["kind"], 0.0) + result["achieved"]
                self.achieved[result["kind"]] = total
        self._processes = []
