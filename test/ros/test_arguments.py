"""Command lines of nodes: what is not of ROS is said, a signal during imports is no traceback."""

import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.interface import PLAYER_PARAMETERS
from approx_perception.ros.startup import start_node

MODULES = ["perception_node", "load_monitor_node", "player_node"]


def never():
    raise AssertionError("the node must not start")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sla_ms:=20", "a:=1"], "argument 'sla_ms:=20': for a parameter write --ros-args -p sla_"),
        (["--foo", "bar"], "argument '--foo': a node takes those of ROS, behind --ros-args"),
        (["--ros-args", "-p", "a:=1", "--", "video.mp4"], "argument 'video.mp4'"),
        (["source:=video"], "argument 'source:=video': for a parameter write --ros-args -p source"),
        ([f"source:={'x' * 9999}"], "argument 'source:=xxx"),
        ([""], "argument ''"),
        (["--ros-args", "sla_ms:=20"], "not know ['sla_ms:=20']; for a parameter write --ros-args"),
        (["--ros-args", "--foo"], "not know ['--foo']"),
    ],
)
def test_arguments_that_nobody_takes_are_refused(capfd, arguments, words):
    assert start_node(never, arguments, PLAYER_PARAMETERS) is None
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert words in error
    assert len(error) < 600


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--ros-args", "--help"]])
def test_help(capfd, arguments):
    with pytest.raises(SystemExit) as ended:
        start_node(never, arguments, PLAYER_PARAMETERS)
    assert ended.value.code == 0
    told = capfd.readouterr().out
    assert "--ros-args [-p NAME:=VALUE]" in told
    assert all(f"  {parameter.name}: " in told for parameter in PLAYER_PARAMETERS)


@pytest.mark.parametrize("module", MODULES)
def test_every_node_refuses_them(module):
    result = subprocess.run(
        [sys.executable, "-m", f"approx_perception.ros.{module}", "rate:=2"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.startswith("error: cannot use the argument 'rate:=2'")


@pytest.mark.parametrize("module", MODULES)
def test_interrupted_while_it_imports(module):
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", f"approx_perception.ros.{module}"],
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        # Names are told as they are imported.
        while "beginning" not in process.stderr.readline():
            pass
        while "rclpy" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "interrupted" in rest
    assert "Traceback" not in rest
