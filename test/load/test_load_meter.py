"""Readings of the real machine, and of monitors that are played."""

import os
import stat
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from approx_perception.load.gpu_probes import GpuLoad, NoGpu, TegrastatsProbe
from approx_perception.load.load_meter import LoadMeter

BUSY = "import time\nend = time.time() + 60\nwhile time.time() < end: pass"


@pytest.fixture
def busy_process():
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    yield process
    process.kill()
    process.wait()


def read_for(meter, seconds):
    meter.read()
    time.sleep(seconds)
    return meter.read()


def read_beside(pid, own_pids):
    """A second's reading, and the share of the machine that a process took meanwhile."""
    process, meter = psutil.Process(pid), LoadMeter(lambda: own_pids, NoGpu())
    start_s, before = time.monotonic(), process.cpu_times()
    values = read_for(meter, 1.0)
    after, elapsed_s = process.cpu_times(), time.monotonic() - start_s
    taken_s = after.user + after.system - before.user - before.system
    return values, taken_s / elapsed_s / os.cpu_count()


def test_what_others_take_is_told_from_what_we_take(busy_process):
    """However busy the machine is with other things, which leave the process less."""
    pid, tolerance = busy_process.pid, 0.15 / os.cpu_count()
    as_other, taken = read_beside(pid, [os.getpid()])
    assert as_other.cpu_others >= taken - tolerance
    as_own, taken = read_beside(pid, [pid])
    assert taken > tolerance
    assert as_own.cpu - as_own.cpu_others == pytest.approx(taken, abs=tolerance)


def test_shares_are_shares():
    values = read_for(LoadMeter(lambda: [os.getpid()], NoGpu()), 0.3)
    for name in ("cpu", "cpu_others", "memory", "memory_others"):
        assert 0 <= getattr(values, name) <= 1
    assert values.cpu_others <= values.cpu
    assert values.memory_others <= values.memory
    assert np.isnan(values.gpu)


def test_a_process_that_is_gone_is_nobodys():
    meter = LoadMeter(lambda: [2**22 - 1], NoGpu())
    values = read_for(meter, 0.1)
    assert values.cpu_others == pytest.approx(values.cpu)


def test_tegrastats(tmp_path):
    program = tmp_path / "tegrastats"
    line = "RAM 3/7 CPU [12%@1190,5%@1190] GR3D_FREQ 37% cpu@41C"
    program.write_text(f"#!/bin/sh\nwhile true; do echo '{line}'; sleep 0.05; done\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    probe = TegrastatsProbe(str(program))
    try:
        end_s = time.monotonic() + 20
        while np.isnan(probe.read([]).busy) and time.monotonic() < end_s:
            time.sleep(0.02)
        assert probe.read([]).busy == pytest.approx(0.37)
        assert np.isnan(probe.read([]).busy_others)
    finally:
        probe.close()


def test_no_tegrastats_is_said():
    with pytest.raises(OSError, match="no surely-not-here"):
        TegrastatsProbe("surely-not-here")


def test_no_gpu_knows_nothing():
    assert np.isnan(NoGpu().read([]).busy)
    assert np.isnan(GpuLoad().memory)
