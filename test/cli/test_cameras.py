"""Commands on a camera in the network."""

import csv
import os
import signal

import pytest

from approx_perception.datasets import open_source
from approx_perception.evaluation.ending import ended_in_time
from test.cli.test_commands import assert_one_sentence, invoke
from test.datasets.cameras.mjpeg_server import endless, serving

SECRET = "guess"


@pytest.fixture
def address():
    with serving(endless) as address:
        yield address.replace("//", f"//somebody:{SECRET}@")


def test_run_ends_in_time_and_tells_no_passwords(address, tmp_path):
    out = tmp_path / "out"
    result = invoke(
        "run", address, "--seconds", 0.5, "--branch", "shape=64,si=4", "--video", "--out", out
    )
    assert result.returncode == 0, result.stderr
    with (out / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = [int(row["frame"]) for row in rows]
    assert numbers == sorted(numbers)
    stamps = [int(row["stamp_ns"]) for row in rows]
    # The first image came before the network was loaded.
    assert stamps[-1] - stamps[1] < 2e9
    assert (out / "annotated.mp4").exists()
    assert "http://***@127.0.0.1" in (out / "config.yaml").read_text()
    told = [result.stdout, result.stderr, *(p.read_text("latin-1") for p in out.iterdir())]
    assert not any(SECRET in text for text in told)


@pytest.mark.parametrize("verb", ["evaluate", "compare"])
def test_a_camera_is_not_evaluated(address, tmp_path, verb):
    more = ["--policy", "fixed"] if verb == "compare" else []
    result = invoke(verb, address, *more, "--out", tmp_path / "out")
    assert_one_sentence(result, "***@127.0.0.1", "is a camera, which has no ground truth")
    assert SECRET not in result.stderr


def test_a_camera_can_be_profiled(address, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("shape: [64]\nnprop: [5]\nsi: [1]\n")
    result = invoke(
        "profile", address, "--space", space, "--frames", 16, "--plan-only", "--out",
        tmp_path / "profile.json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "taking 16 images, which are used again and again" in result.stderr.replace("\n", " ")
    assert SECRET not in result.stderr


def test_an_interrupt_ends_a_camera_and_a_second_one_everything(address, caplog):
    source = open_source(address)
    handler = signal.getsignal(signal.SIGINT)
    count = 0
    with ended_in_time(source, None):
        for count, _ in enumerate(source, 1):
            if count == 2:
                os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert 2 <= count < 20
    assert "ending: results are written" in caplog.text
    assert signal.getsignal(signal.SIGINT) is handler


def test_seconds_of_a_video_are_frames(tmp_path):
    result = invoke(
        "run", "synthetic:calm", "--seconds", 0.2, "--branch", "shape=64", "--out", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    assert len((tmp_path / "out" / "frames.csv").read_text().splitlines()) == 1 + 6
