"""Cores that a process may use, as containers and schedulers limit them."""

import pytest

from approx_perception.machine import core_count, quota_cores
from approx_perception.profiling.contention_generator import ContentionLevel
from approx_perception.profiling.plan import contention_levels

V1 = {"cpu.cfs_quota_us": "150000\n", "cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 0),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000", "a/b/cpu.max": "max 100000"}, 0.5),
        ("0::/docker/gone\n", {"cpu.max": "300000 100000\n"}, 3),
        ("4:memory:/x\n1:cpu:/\n0::/\n", {f"cpu/{n}": t for n, t in V1.items()}, 1.5),
        ("1:cpu,cpuacct:/docker/1\n", {f"cpu,cpuacct/{n}": t for n, t in V1.items()}, 1.5),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 0),
        ("1:cpuset:/\n", {"cpu.max": "100000 100000"}, 0),
        ("0::/\n", {"cpu.max": ""}, 0),
        ("0::/\n", {}, 0),
        (None, {}, 0),
    ],
)
def test_quota_of_control_groups(own, files, cores, tmp_path):
    for name, text in files.items():
        (tmp_path / "mount" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mount" / name).write_text(text, encoding="utf-8")
    if own is not None:
        (tmp_path / "own").write_text(own, encoding="utf-8")
    assert quota_cores(tmp_path / "mount", tmp_path / "own") == cores


@pytest.mark.parametrize("cores", [1, 2, 6])
def test_levels_are_of_the_cores_that_may_be_used(cores, monkeypatch):
    for module in ("plan", "contention_generator"):
        monkeypatch.setattr(f"approx_perception.profiling.{module}.core_count", lambda: cores)
    levels = contention_levels(False)
    assert max(level.cpu_cores for level in levels) == cores
    assert ContentionLevel(cores).cpu == 1.0


def test_there_is_a_core():
    assert core_count() >= 1
