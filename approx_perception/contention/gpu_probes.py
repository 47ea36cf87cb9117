"""Who knows how busy the GPU is: NVML, Jetson's tegrastats, or nobody."""

import re
import shutil
import subprocess
import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

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

    def read(self, own_pids: Collection[int]) -> GpuLoad:
        """See `GpuProbe`; shares by process where the driver counts them."""
        nvml = self._nvml
        busy = nvml.nvmlDeviceGetUtilizationRates(self._device).gpu / 100
        memory = nvml.nvmlDeviceGetMemoryInfo(self._device)
        own_bytes = own_busy = 0.0
        try:
            for process in nvml.nvmlDeviceGetComputeRunningProcesses(self._device):
                if process.pid in own_pids:
                    own_bytes += process.usedGpuMemory or 0
            samples = nvml.nvmlDeviceGetProcessUtilization(self._device, self._last_sample)
            self._last_sample = max((s.timeStamp for s in samples), default=self._last_sample)
            latest = {s.pid: s.smUtil for s in samples}
            own_busy = sum(share for pid, share in latest.items() if pid in own_pids) / 100
        except nvml.NVMLError:
            # Not counted here, or no sample since the last call.
            pass
        return GpuLoad(
            busy, max(busy - own_busy, 0.0), memory.used / memory.total,
            max(memory.used - own_bytes, 0.0) / memory.total,
        )  # fmt: skip

    def close(self) -> None:
        """See `GpuProbe`."""
        self._nvml.nvmlShutdown()


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
