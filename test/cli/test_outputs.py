"""What verbs do with --out: full disks and files of others."""

import resource
import signal
import subprocess
import sys

import pytest

from test.cli.test_commands import assert_one_sentence, invoke
from test.conftest import ROOT

_QUICK = ("--branch", "shape=64", "--precision", "float32")
_RUN = ("run", "synthetic:calm", "--frames", 40, *_QUICK)


def with_full_disk(*arguments):
    """Like a disk that is full: no file may grow beyond 1 KiB."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    return subprocess.run(
        [sys.executable, "-m", "approx_perception.cli.main", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, preexec_fn=limit,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        _RUN,
        ("evaluate", "synthetic:calm", "--frames", 4, *_QUICK),
        ("synthesize", "calm", "--frames", 3),
        ("train", "--iterations", 1, "--batch-size", 1, "--workers", 0),
    ],
    ids=lambda arguments: arguments[0],
)
def test_full_disk_is_one_sentence(arguments, tmp_path):
    result = with_full_disk(*arguments, "--out", tmp_path / "out")
    assert_one_sentence(result, "File too large")
    left = [entry.name for entry in tmp_path.rglob("*")]
    assert not [name for name in left if name.endswith((".tmp", ".lock", "weights.pt"))]
    assert arguments[0] == "train" or not (tmp_path / "out").exists()


def test_train_does_not_write_into_folders_of_others(tmp_path):
    (tmp_path / "config.yaml").write_text("mine", encoding="utf-8")
    arguments = ("train", "--iterations", 1, "--batch-size", 1, "--workers", 0, "--out", tmp_path)
    assert_one_sentence(invoke(*arguments), "not made by approx-perception")
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == "mine"


def test_report_replaces_pages_only(tmp_path):
    target = tmp_path / "notes.txt"
    target.write_text("mine", encoding="utf-8")
    result = invoke("report", tmp_path, "--out", target, "--overwrite")
    assert_one_sentence(result, "notes.txt is no page of report")
    result = invoke("report", tmp_path, "--out", tmp_path, "--overwrite")
    assert_one_sentence(result, "is a folder")
    assert target.read_text(encoding="utf-8") == "mine"


def test_synthesized_bag_has_the_name_of_its_folder(tmp_path):
    assert invoke("synthesize", "calm", "--frames", 2, "--out", tmp_path / "bag").returncode == 0
    assert (tmp_path / "bag" / "bag.mcap").exists()
    again = invoke("synthesize", "calm", "--frames", 2, "--out", tmp_path / "bag", "--overwrite")
    assert again.returncode == 0
