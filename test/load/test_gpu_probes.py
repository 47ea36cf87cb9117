"""NVML as drivers answer it: whole, in part (MIG, WSL, old cards), or no longer."""

import math
import os
import sys
from types import SimpleNamespace

import pytest

from approx_perception.load.gpu_probes import NoGpu, NvmlProbe, find_gpu_probe
from approx_perception.load.load_meter import LoadMeter

OWN = os.getpid()


class FakeNvml:
    """Module ``pynvml``; each call answers what a test says, or raises it."""

    class NVMLError(Exception):
        pass

    class NVMLError_NotFound(NVMLError):  # noqa: N801, N818 - NVML's own name
        pass

    class NVMLError_NotSupported(NVMLError):  # noqa: N801, N818
        pass

    def __init__(self):
        self.is_closed = False
        self.answers = {
            "nvmlInit": None,
            "nvmlDeviceGetHandleByIndex": "gpu",
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=80),
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=600, total=1000),
            "nvmlDeviceGetComputeRunningProcesses": [
                SimpleNamespace(pid=OWN, usedGpuMemory=400), SimpleNamespace(pid=1, usedGpuMemory=9)
            ],
            "nvmlDeviceGetProcessUtilization": [
                SimpleNamespace(pid=OWN, smUtil=10, timeStamp=1),
                SimpleNamespace(pid=OWN, smUtil=50, timeStamp=2),
                SimpleNamespace(pid=1, smUtil=30, timeStamp=2),
            ],
            "nvmlShutdown": None,
        }  # fmt: skip

    def __getattr__(self, name):
        def call(*_):
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@pytest.fixture
def nvml(monkeypatch):
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


UNSUPPORTED = FakeNvml.NVMLError_NotSupported("Not Supported")


def test_our_own_part_is_taken_off(nvml):
    load = NvmlProbe().read([OWN])
    assert (load.busy, load.memory) == (0.8, 0.6)
    assert load.busy_others == pytest.approx(0.3)
    assert load.memory_others == pytest.approx(0.2)


def test_no_sample_since_the_last_call_means_no_work_of_ours(nvml):
    nvml.answers["nvmlDeviceGetProcessUtilization"] = FakeNvml.NVMLError_NotFound("Not Found")
    load = NvmlProbe().read([OWN])
    assert load.busy_others == pytest.approx(0.8)
    assert load.memory_others == pytest.approx(0.2)


@pytest.mark.parametrize(
    "error", [UNSUPPORTED, FakeNvml.NVMLError("GPU is lost"), ValueError("odd answer")]
)  # fmt: skip
@pytest.mark.parametrize(
    ("call", "unknown"),
    [
        ("nvmlDeviceGetUtilizationRates", {"gpu", "gpu_others"}),
        ("nvmlDeviceGetMemoryInfo", {"gpu_memory", "gpu_memory_others"}),
        ("nvmlDeviceGetComputeRunningProcesses", {"gpu_memory_others"}),
        ("nvmlDeviceGetProcessUtilization", {"gpu_others"}),
    ],
)
def test_what_is_not_told_is_unknown_and_noticed_once(nvml, call, unknown, error, caplog):
    """Our own use was told as others' where the driver does not count processes."""
    nvml.answers[call] = error
    meter = LoadMeter(lambda: [OWN])
    for _ in range(2):
        values = meter.read()
    figures = {"gpu", "gpu_others", "gpu_memory", "gpu_memory_others"}
    assert {name for name in figures if math.isnan(getattr(values, name))} == unknown
    assert not math.isnan(values.memory)
    assert len(caplog.records) == 1
    assert "counts as unknown" in caplog.records[0].getMessage()


def test_memory_by_process_that_the_driver_leaves_out_is_unknown(nvml):
    nvml.answers["nvmlDeviceGetComputeRunningProcesses"] = [
        SimpleNamespace(pid=OWN, usedGpuMemory=None)
    ]
    assert math.isnan(NvmlProbe().read([OWN]).memory_others)


def test_a_lost_gpu_is_let_go_of(nvml, caplog):
    for call in list(nvml.answers)[2:]:
        nvml.answers[call] = FakeNvml.NVMLError("GPU is lost")
    meter = LoadMeter(lambda: [OWN])
    assert math.isnan(meter.read().gpu)
    meter.close()


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetHandleByIndex"])
def test_without_a_gpu_nothing_is_known(nvml, call, monkeypatch):
    nvml.answers[call] = FakeNvml.NVMLError("Driver Not Loaded")
    monkeypatch.setenv("PATH", "")
    assert isinstance(find_gpu_probe(), NoGpu)
