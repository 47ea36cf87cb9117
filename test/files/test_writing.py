"""Files of ours: whole or not there, and what was there before stays."""

import os
import resource
import signal

import numpy as np
import pytest

from approx_perception.exceptions import OutputError
from approx_perception.files import replace_bytes, replace_text, write_columns


@pytest.fixture
def full_disk():
    """No file of this process may grow beyond 4 KiB: the disk as a user meets it when full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: replace_bytes(path, b"x" * 10_000),
        lambda path: replace_text(path, "x" * 10_000),
        lambda path: write_columns(path, {"a": np.random.default_rng(0).random(10_000)}),
    ],
)
def test_full_disk_keeps_what_was_there(write, tmp_path, full_disk):
    path = tmp_path / "result.json"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot write .*result\.json: File too large"):
        write(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_folder_that_is_missing_or_a_file_is_told(tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        replace_text(tmp_path / "missing" / "a", "x")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        replace_text(tmp_path / "file" / "a", "x")


def test_folders_pipes_and_devices_are_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "device"
    link.symlink_to("/dev/null")
    for path in (tmp_path, pipe, link):
        with pytest.raises(OutputError, match="is no file"):
            replace_text(path, "x")
    assert pipe.is_fifo()
    assert link.is_char_device()


def test_link_goes_on_pointing_to_the_file(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    replace_text(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


def test_longest_name_can_be_written(tmp_path):
    replace_text(tmp_path / ("ü" * 127), "x")
    assert len(list(tmp_path.iterdir())) == 1
