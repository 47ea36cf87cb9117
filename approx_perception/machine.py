"""What this machine is, and what runs on it."""

import ctypes
import math
import os
import platform
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from approx_perception import __version__

__all__ = [
    "allowed_cores",
    "core_count",
    "describe_cpu",
    "environment",
    "give_back_memory",
    "quota_cores",
    "versions",
]

_LIBRARIES = ("numpy", "opencv-contrib-python-headless", "onnxruntime")
#: Told only where they are installed.
_EXTRAS = ("openvino", "torch", "torchvision")


def allowed_cores() -> list[int]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@cache
def core_count() -> int:
    """Cores that this process may use: no more than a container's quota, where it has one."""
    quota = quota_cores(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
    return max(min(len(allowed_cores()), math.ceil(quota)), 1) if quota else len(allowed_cores())


def quota_cores(mount: Path, own: Path) -> float:
    """CPU time a second that the control groups of a process allow, in s; 0 for no limit.

    Parameters
    ----------
    mount
        Where control groups are, of version 1 or 2.
    own
        Names the process's groups, as ``/proc/self/cgroup``.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    quotas = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 2 names no controllers. Limits of the groups above hold too.
        for folder in _with_parents(mount / controllers, group):
            quotas += [_quota(folder)]
    return min((quota for quota in quotas if quota > 0), default=0.0)


def _with_parents(root: Path, group: str) -> Iterator[Path]:
    inside = Path(group.lstrip("/"))
    yield root / inside
    yield from (root / parent for parent in inside.parents)


def _quota(folder: Path) -> float:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            text = " ".join((folder / name).read_text(encoding="utf-8") for name in names)
            quota, period = map(float, text.split())
        except (OSError, ValueError):  # Not there, or "max".
            continue
        return quota / period if quota > 0 and period > 0 else 0.0
    return 0.0


def describe_cpu() -> str:
    """Name of the processor and its cores, for example ``AMD EPYC 9B45, 2 cores``."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        # Arm names the part only by number, on several lines.
        if key.strip() in ("model name", "Hardware", "CPU part"):
            name = value.strip()
            break
    return f"{name}, {core_count()} cores"


def versions() -> dict[str, str]:
    """Of this package, Python and the libraries that compute."""
    found = {"approx_perception": __version__, "python": platform.python_version()}
    for library in (*_LIBRARIES, *_EXTRAS):
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            if library in _LIBRARIES:
                found[library] = "not installed by pip"
    return found


def give_back_memory() -> None:
    """Return to the system what the process has freed; glibc alone keeps tens of MB for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def environment() -> dict[str, Any]:
    """Versions and machine, for result files."""
    return {
        "versions": versions(),
        "machine": platform.machine(),
        "processor": describe_cpu(),
        "system": platform.platform(),
    }
