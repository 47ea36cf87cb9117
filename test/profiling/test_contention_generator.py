"""The generator takes what it is told, and never outlives its use."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from approx_perception.exceptions import ConfigurationError
from approx_perception.machine import core_count
from approx_perception.profiling import contention_worker
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel

KEEP_BUSY = """
import time
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel
with ContentionGenerator(ContentionLevel(1, 0.2)):
    print("busy", flush=True)
    time.sleep(120)
"""


def workers():
    script = contention_worker.__file__
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        arguments = process.info["cmdline"] or []
        if script in arguments and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_until(done, timeout_s=20.0):
    end_s = time.monotonic() + timeout_s
    while not done() and time.monotonic() < end_s:
        time.sleep(0.05)
    return done()


def test_takes_about_what_it_is_told():
    with ContentionGenerator(ContentionLevel(1, 0.3, memory_mb_s=500)) as generator:
        time.sleep(2.0)
    # Upper bounds: on a busy machine it may get less, never more.
    assert 0.05 < generator.achieved["cpu"] < 0.36
    assert 50 < generator.achieved["memory"] < 600


def test_nothing_to_take_starts_nothing():
    before = len(workers())
    with ContentionGenerator(ContentionLevel()) as generator:
        assert len(workers()) == before
    assert generator.achieved == {}


def test_ends_with_the_block_even_after_an_error():
    with pytest.raises(RuntimeError), ContentionGenerator(ContentionLevel(1, 0.1)):
        assert wait_until(workers)
        raise RuntimeError
    assert wait_until(lambda: not workers())


def test_ends_by_itself():
    with ContentionGenerator(ContentionLevel(1, 0.1), seconds=0.3) as generator:
        generator.wait()
    assert 0 < generator.achieved["cpu"] < 0.2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_ends_when_its_user_is_killed(number):
    user = subprocess.Popen([sys.executable, "-c", KEEP_BUSY], stdout=subprocess.PIPE, text=True)
    assert user.stdout.readline() == "busy\n"
    assert wait_until(workers)
    user.send_signal(number)
    user.wait()
    user.stdout.close()
    assert wait_until(lambda: not workers())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cpu_cores": -1}, "cannot keep -1 CPU cores busy"),
        ({"cpu_cores": 10_000}, f"this machine has {core_count()}"),
        ({"cpu_share": 1.5}, "cpu_share is 1.5"),
        ({"cpu_share": float("nan")}, "cpu_share is nan"),
        ({"gpu_share": -0.1}, "gpu_share is -0.1"),
        ({"memory_mb_s": -5.0}, "memory_mb_s is -5.0"),
        ({"memory_mb_s": float("inf")}, "memory_mb_s is inf"),
    ],
)
def test_amounts_that_cannot_be(values, words):
    with pytest.raises(ConfigurationError, match=words):
        ContentionLevel(**values)


def test_a_gpu_that_is_not_there():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ConfigurationError, match="there is no GPU that PyTorch can use here"):
        ContentionGenerator(ContentionLevel(gpu_share=0.5))


def test_levels_speak_for_themselves():
    assert str(ContentionLevel()) == "no contention"
    assert str(ContentionLevel(1, 0.5, 2000.0)) == "1 core at 50%, memory at 2000 MB/s"
