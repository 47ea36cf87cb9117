"""What else is using the machine: readings of monitors, and what latencies give away."""

from approx_perception.contention.contention_filter import ContentionFilter
from approx_perception.contention.gpu_probes import GpuLoad, GpuProbe, NoGpu, find_gpu_probe
from approx_perception.contention.load_inputs import LoadInputs, share_of_percent
from approx_perception.contention.load_meter import LoadMeter, LoadValues

__all__ = [
    "ContentionFilter",
    "GpuLoad",
    "GpuProbe",
    "LoadInputs",
    "LoadMeter",
    "LoadValues",
    "NoGpu",
    "find_gpu_probe",
    "share_of_percent",
]
