"""Read what the machine is doing: CPU and memory from psutil, the GPU from whoever knows."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psutil

from approx_perception.load.gpu_probes import GpuProbe, find_gpu_probe

__all__ = ["LoadMeter", "LoadValues"]

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class LoadValues:
    """One reading, over the time since the one before; shares 0..1, nan where unknown.

    Attributes
    ----------
    cpu, memory, gpu, gpu_memory
        Share of all there is, everybody.
    cpu_others, memory_others, gpu_others, gpu_memory_others
        The same without our own processes.
    temperature_celsius
        Hottest sensor.
    """

    cpu: float = _NAN
    cpu_others: float = _NAN
    memory: float = _NAN
    memory_others: float = _NAN
    gpu: float = _NAN
    gpu_others: float = _NAN
    gpu_memory: float = _NAN
    gpu_memory_others: float = _NAN
    temperature_celsius: float = _NAN


class LoadMeter:
    """Measure from call to call.

    Parameters
    ----------
    own_processes
        Returns the process ids that count as ours; asked at each reading.
    gpu
        Who knows the GPU; None to look for one.
    """

    def __init__(
        self, own_processes: Callable[[], Iterable[int]], gpu: GpuProbe | None = None
    ) -> None:
        self._own_processes = own_processes
        self._gpu = gpu or find_gpu_probe()
        self._own: dict[int, psutil.Process] = {}
        self._own_cpu_s: dict[int, float] = {}
        self._times = psutil.cpu_times()
        self._update_own()

    def read(self) -> LoadValues:
        """Measure what happened since the last call."""
        times, before = psutil.cpu_times(), self._times
        self._times = times
        total_s = (
            sum(times) - sum(before) - (getattr(times, "guest", 0) - getattr(before, "guest", 0))
        )
        idle_s = times.idle - before.idle
        idle_s += getattr(times, "iowait", 0.0) - getattr(before, "iowait", 0.0)
        own_s, own_bytes = self._update_own()
        memory = psutil.virtual_memory()
        gpu = self._gpu.read(self._own.keys())
        cpu = _share(total_s - idle_s, total_s)
        used = 1 - memory.available / memory.total
        return LoadValues(
            cpu=cpu, cpu_others=_share(total_s - idle_s - own_s, total_s),
            memory=used, memory_others=max(used - own_bytes / memory.total, 0.0),
            gpu=gpu.busy, gpu_others=gpu.busy_others,
            gpu_memory=gpu.memory, gpu_memory_others=gpu.memory_others,
            temperature_celsius=_hottest(),
        )  # fmt: skip

    def _update_own(self) -> tuple[float, float]:
        """CPU time of our processes since the last call, in s, and their memory in bytes."""
        spent_s, resident = 0.0, 0.0
        alive: dict[int, psutil.Process] = {}
        for pid in self._own_processes():
            try:
                process = self._own.get(pid) or psutil.Process(pid)
                times = process.cpu_times()
                resident += process.memory_info().rss
            except psutil.Error:
                continue
            now_s = times.user + times.system
            # What a process did before it was ours to count is not of this reading.
            spent_s += now_s - self._own_cpu_s.get(pid, now_s)
            self._own_cpu_s[pid], alive[pid] = now_s, process
        self._own = alive
        self._own_cpu_s = {pid: self._own_cpu_s[pid] for pid in alive}
        return spent_s, resident

    def close(self) -> None:
        """End what reads the GPU."""
        self._gpu.close()


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else _NAN


def _hottest() -> float:
    sensors: dict[str, list[Any]] = getattr(psutil, "sensors_temperatures", dict)()
    readings = [entry.current for entries in sensors.values() for entry in entries]
    return max((value for value in readings if math.isfinite(value)), default=_NAN)
