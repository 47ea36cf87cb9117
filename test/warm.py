"""Processes for tests that begin with the slow imports done: forked from one that has done them.

A node imports for a second before its first line runs. Here one process imports most of that once,
and each node is a fork of it that runs its module as ``python -m`` does. It has an environment, a
session and a log of its own, and ends as any process.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

#: What nodes import, but for what starts threads that would not be in a fork: ROS and runtimes.
_SLOW = (
    "approx_perception.assembly", "approx_perception.detectors.faster_rcnn",
    "approx_perception.detectors.onnx",
)  # fmt: skip
#: PR_SET_PDEATHSIG of Linux.
_DIE_WITH_PARENT = 1


class WarmProcess:
    """As `subprocess.Popen` of ``[python, -m, module, ...]``, as far as `NodeProcess` needs it."""

    def __init__(self, command, stdout, stderr, env, start_new_session):
        del stderr, start_new_session  # Always into the log, always one of its own.
        self._status = None
        self.pid = _ask(arguments=command[1:], log=stdout.name, environment=env)

    def poll(self):
        if self._status is None:
            self._status = _ask(ended=self.pid)
        return self._status

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout=None):
        end_s = float("inf") if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end_s:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return self._status


_server = None


def _ask(**request):
    """Let the one server of this process do something, and wait for its answer."""
    global _server  # noqa: PLW0603
    if _server is None:
        _server = subprocess.Popen(
            [sys.executable, "-m", "test.warm"], cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    _server.stdin.write(json.dumps(request) + "\n")
    _server.stdin.flush()
    return json.loads(_server.stdout.readline())


def _serve():
    """Fork where that is asked for; returns, in the child alone, what it is to run."""
    for name in _SLOW:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        if "ended" in request:
            pid, status = os.waitpid(request["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif (answer := os.fork()) == 0:
            return request
        print(json.dumps(answer), flush=True)
    return None


def _become(request):
    """Be a process like one that a shell starts; returns the module to run."""
    os.setsid()
    # Tests that are killed take along what they started: their domain is free for others then.
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(request["environment"])
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, module, *arguments = request["arguments"]
    sys.argv = [module, *arguments]
    # What is run is not what was imported.
    sys.modules.pop(module, None)
    return module


if __name__ == "__main__":
    # Interrupts of a terminal are for the tests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (asked := _serve()) is not None:
        runpy.run_module(_become(asked), run_name="__main__", alter_sys=True)
