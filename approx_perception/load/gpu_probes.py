"""Who knows how busy the GPU is: NVML, Jetson's tegrastats, or nobody."""

import math
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from approx_perception.notices import notice

T = TypeVar("T")

__all__ = ["GpuLoad", "GpuProbe", "NoGpu", "NvmlProbe", "TegrastatsProbe", "find_gpu_probe"]

_NAN = float("nan")
_TEGRASTATS_PERIOD_MS = 100
_JETSON_GPU = re.compile(r"GR3D_FREQ (\d+)%")


@dataclass(frozen=True, slots=True)
class GpuLoad:
    """Shares 0..1, everybody and without our processes; nan where unknown."""

    busy: float = _NAN
    busy_others: float = _NAN
    memory: float = _NAN
    memory_others: float = _NAN


class GpuProbe(Protocol):
    """Reads one GPU."""

    def read(self, own_pids: Collection[int]) -> GpuLoad:
        """Newest figures; must return at once."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class NoGpu:
    """Nothing is known."""

    def read(self, own_pids: Collection[int]) -> GpuLoad:
        """See `GpuProbe`."""
        return GpuLoad()

    def close(self) -> None:
        """See `GpuProbe`."""


class NvmlProbe:
    """NVIDIA's management library, for the first GPU.

    Raises
    ------
    OSError
        If library, driver or GPU are missing.
    """

    def __init__(self) -> None:
        try:
            import pynvml

            pynvml.nvmlInit()
            self._nvml: Any = pynvml
            self._device = pynvml.nvmlDeviceGetHandleByIndex(0)
        except Exception as error:  # ImportError or one of NVML's own
            raise OSError(f"no NVML: {error}") from error
        self._last_sample = 0
        #: What the driver did not tell at least once.
        self._silent: set[str] = set()

    def read(self, own_pids: Collection[int]) -> GpuLoad:
        """See `GpuProbe`; what the driver does not tell (MIG, a lost GPU) is nan, and noticed."""
        busy = self._ask("utilization", self._busy)
        used, total = self._ask("memory", self._memory, (_NAN, _NAN))
        own_busy = self._ask("utilization by process", lambda: self._own_busy(own_pids))
        own_bytes = self._ask("memory by process", lambda: self._own_bytes(own_pids))
        # Not max: it drops a nan, and all of it would be told as others'.
        others_bytes = _not_below_0(used - own_bytes)
        return GpuLoad(busy, _not_below_0(busy - own_busy), used / total, others_bytes / total)

    def _ask(self, what: str, question: Callable[[], T], unknown: Any = _NAN) -> T:
        try:
            return question()
        except Exception as error:  # NVML's own, and what its bindings raise for odd answers
            if what not in self._silent:
                self._silent.add(what)
                notice(f"the GPU driver does not tell {what} ({error}); it counts as unknown")
            return cast("T", unknown)

    def _busy(self) -> float:
        return float(self._nvml.nvmlDeviceGetUtilizationRates(self._device).gpu) / 100

    def _memory(self) -> tuple[float, float]:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(self._device)
        return float(memory.used), float(memory.total)

    def _own_bytes(self, own_pids: Collection[int]) -> float:
        processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._device)
        own = [process.usedGpuMemory for process in processes if process.pid in own_pids]
        return math.nan if None in own else float(sum(own))

    def _own_busy(self, own_pids: Collection[int]) -> float:
        nvml = self._nvml
        try:
            samples = nvml.nvmlDeviceGetProcessUtilization(self._device, self._last_sample)
        except nvml.NVMLError_NotFound:
            # Nobody computed since the last call.
            return 0.0
        self._last_sample = max((s.timeStamp for s in samples), default=self._last_sample)
        latest = {s.pid: s.smUtil for s in samples}
        return float(sum(share for pid, share in latest.items() if pid in own_pids)) / 100

    def close(self) -> None:
        """See `GpuProbe`."""
        self._ask("that it is let go of", self._nvml.nvmlShutdown)


def _not_below_0(share: float) -> float:
    return 0.0 if share < 0 else share


class TegrastatsProbe:
    """Jetson's own monitor, run in the background; it cannot tell processes apart.

    Parameters
    ----------
    command
        The program; a line a period on standard output.

    Raises
    ------
    OSError
        If it is not there.
    """

    def __init__(self, command: str = "tegrastats") -> None:
        if shutil.which(command) is None:
            raise OSError(f"no {command}")
        self._busy = _NAN
        self._process = subprocess.Popen(
            [command, "--interval", str(_TEGRASTATS_PERIOD_MS)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._follow, name="tegrastats", daemon=True)
        self._reader.start()

    def _follow(self) -> None:
        if self._process.stdout is None:
            raise AssertionError("standard output was asked for")
        for line in self._process.stdout:
            if match := _JETSON_GPU.search(line):
                self._busy = int(match.group(1)) / 100
        self._busy = _NAN

    def read(self, own_pids: Collection[int]) -> GpuLoad:
        """See `GpuProbe`."""
        return GpuLoad(busy=self._busy)

    def close(self) -> None:
        """See `GpuProbe`."""
        self._process.terminate()
        self._process.wait()


def find_gpu_probe() -> GpuProbe:
    """Whoever is there."""
    for probe in (NvmlProbe, TegrastatsProbe):
        try:
            return probe()
        except OSError:
            continue
    return NoGpu()
