"""What this machine is, as far as it decides whether a profile fits it."""

import os
import platform
from pathlib import Path

__all__ = ["core_count", "describe_cpu"]


def core_count() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
