"""Where results go: nothing of anybody else is removed, and nothing is found out after the run."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError, OutputError
from approx_perception.files import claimed
from approx_perception.reports.output_folder import add_to_marker, fresh_folder


def fill(out, text, **options):
    with fresh_folder(out, **{"overwrite": False, **options}) as folder:
        (folder / "result.json").write_text(text, encoding="utf-8")


def text_in(out):
    return (out / "result.json").read_text(encoding="utf-8")


def test_a_result_is_replaced_when_told_and_leaves_nothing_beside_it(tmp_path):
    out = tmp_path / "a" / "out"
    fill(out, "one")
    with pytest.raises(ConfigurationError, match="exists; choose another --out or add --overwrite"):
        fill(out, "two")
    assert text_in(out) == "one"
    fill(out, "three", overwrite=True)
    assert text_in(out) == "three"
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]


def test_a_run_that_fails_keeps_the_older_result(tmp_path):
    out = tmp_path / "out"
    fill(out, "one")
    with (
        pytest.raises(ZeroDivisionError),
        fresh_folder(out, overwrite=True) as folder,
    ):
        (folder / "result.json").write_text("half", encoding="utf-8")
        raise ZeroDivisionError
    assert text_in(out) == "one"
    assert text_in(tmp_path / "out.partial") == "half"
    fill(out, "two", overwrite=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out"]


def test_a_full_disk_is_told_with_what_stays(tmp_path):
    with (
        pytest.raises(OutputError, match=r"stays in .*out\.partial: No space left on device"),
        fresh_folder(tmp_path / "out", overwrite=False),
        Path("/dev/full").open("wb", buffering=0) as disk,
    ):
        disk.write(b"x")
    with (
        pytest.raises(ConnectionError, match="not the disk"),
        fresh_folder(tmp_path / "out", overwrite=False),
    ):
        raise ConnectionError("not the disk")


def test_resume_goes_on_with_what_is_there(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ZeroDivisionError), fresh_folder(out, overwrite=False) as folder:
        (folder / "kept").touch()
        raise ZeroDivisionError
    fill(out, "one", resume=True)
    assert (out / "kept").exists()


@pytest.mark.parametrize(
    ("resume", "words"),
    [(None, "the same command begins anew"), (False, "the same command with --resume goes on")],
)
def test_an_interruption_says_what_is_left_and_a_run_what_it_removes(
    resume, words, tmp_path, caplog
):
    out = tmp_path / "out"
    with (
        pytest.raises(KeyboardInterrupt, match=rf"is in .*out\.partial; {words}"),
        fresh_folder(out, overwrite=False, resume=resume) as folder,
    ):
        (folder / "kept").touch()
        raise KeyboardInterrupt
    assert not caplog.messages
    fill(out, "one", resume=resume)
    (told,) = caplog.messages
    assert told.startswith(f"{out}.partial, which a run that did not end well left, is removed")
    assert ("--resume" in told) == (resume is not None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ConfigurationError, ZeroDivisionError])
def test_what_ends_before_it_wrote_leaves_nothing(error, tmp_path, caplog):
    with pytest.raises(error) as raised, fresh_folder(tmp_path / "new" / "out", overwrite=False):
        raise error
    assert str(raised.value) == ("nothing was written yet" if error is KeyboardInterrupt else "")
    assert not list(tmp_path.iterdir())
    assert not caplog.messages


def test_an_error_says_what_is_left(tmp_path, caplog):
    with (
        pytest.raises(ConfigurationError),
        fresh_folder(tmp_path / "out", overwrite=False) as folder,
    ):
        (folder / "kept").touch()
        raise ConfigurationError("it fails")
    assert caplog.messages == [f"what was written so far stays in {tmp_path / 'out.partial'}"]


@pytest.mark.parametrize("name", ["photos", "photos.partial"])
@pytest.mark.parametrize(
    "names",
    [
        ("config.yaml", "metadata.yaml", "wedding.jpg"),
        ("config.yaml", "checkpoint.pt", "thesis.txt"),
        # As many a program leaves them.
        ("config.yaml", "checkpoint.pt"),
        ("config.yaml", "frames.csv"),
        ("summary.json", "frames.csv", "raw/take1.mp4"),
        ("result.json", "table.md"),
        ("result.json", "mine/record.json"),
        (".finished",),
    ],
)
def test_folders_of_others_are_not_removed(name, names, tmp_path):
    theirs = [tmp_path / name / each for each in names]
    for file in theirs:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for options in ({"overwrite": True}, {"resume": True, "overwrite": True}):
        with pytest.raises(ConfigurationError, match="not made by approx-perception"):
            fill(tmp_path / "photos", "one", **options)
    assert all(file.exists() for file in theirs)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["notes.txt", "sub/photo.jpg", "empty/", ".hidden", "z\nb"])
@pytest.mark.parametrize("place", ["out", "out.partial"])
def test_what_others_put_into_a_result_stops_the_run_that_would_remove_it(place, name, tmp_path):
    out = tmp_path / "out"
    fill(out, "one")
    with (
        pytest.raises(ZeroDivisionError),
        fresh_folder(out, overwrite=True) as folder,
    ):
        (folder / "sub").mkdir()
        (folder / "sub" / "record.json").touch()
        raise ZeroDivisionError
    theirs = tmp_path / place / name
    if name.endswith("/"):
        theirs.mkdir()
    else:
        theirs.parent.mkdir(exist_ok=True)
        theirs.write_text("dear", encoding="utf-8")
    for options in ({}, {"resume": True}):
        with pytest.raises(ConfigurationError, match="the run that made it did not write") as error:
            fill(out, "two", overwrite=True, **options)
        assert repr(name.split("/")[0])[:-1] in str(error.value)
    assert theirs.exists()
    assert text_in(out) == "one"


def test_a_file_that_another_verb_adds_is_listed(tmp_path):
    fill(tmp_path / "out", "one")
    (tmp_path / "out" / "report.html").touch()
    add_to_marker(tmp_path / "out" / "report.html")
    add_to_marker(tmp_path / "report.html")
    fill(tmp_path / "out", "two", overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_a_version_that_listed_nothing_is_replaced(tmp_path):
    fill(tmp_path / "out", "one")
    (tmp_path / "out" / ".approx_perception").write_text("Made by approx-perception, ...\n")
    fill(tmp_path / "out", "two", overwrite=True)
    assert text_in(tmp_path / "out") == "two"


@pytest.mark.parametrize("out", [".", "..", "/", "../..", "here/.."])
def test_working_directory_and_what_is_above_it_are_refused_at_once(out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(ApproxPerceptionError), fresh_folder(Path(out), overwrite):
            pytest.fail("it ran")


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    for out in (tmp_path / "out", tmp_path / "out" / "inside"):
        with pytest.raises(ApproxPerceptionError), fresh_folder(out, overwrite=True):
            pytest.fail("it ran")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_goes_on_pointing_to_the_result(is_there, tmp_path):
    real, link = tmp_path / "disk" / "real", tmp_path / "link"
    if is_there:
        real.mkdir(parents=True)
    link.symlink_to(real)
    fill(link, "one")
    fill(link, "two", overwrite=True)
    assert link.is_symlink()
    assert text_in(real) == "two"


def test_a_link_to_itself(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "out")
    with pytest.raises(ApproxPerceptionError), fresh_folder(tmp_path / "out", overwrite=True):
        pytest.fail("it ran")


def test_two_runs_do_not_write_to_one_place(tmp_path):
    out = tmp_path / "out"
    code = (
        "import sys, pathlib\nfrom approx_perception.files import claimed\n"
        "with claimed(pathlib.Path(sys.argv[1])):\n print('has it', flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "has it\n"
        for options in ({}, {"overwrite": True}, {"resume": True}):
            with pytest.raises(OutputError, match="another process is writing to"):
                fill(out, "mine", **options)
        other.kill()
        other.wait()
    fill(out, "mine")
    assert text_in(out) == "mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_claim_whose_file_was_taken_away_meanwhile_is_none(tmp_path, monkeypatch):
    lock = fcntl.flock

    def flock(file, operation):
        lock(file, operation)
        (tmp_path / ".out.lock").unlink()

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OutputError, match="another process"), claimed(tmp_path / "out"):
        pytest.fail("it ran")


def test_somebody_elses_folder_made_meanwhile_stays(tmp_path):
    out = tmp_path / "out"
    with (
        pytest.raises(OutputError, match=r"the results stay in .*out\.partial"),
        fresh_folder(out, overwrite=True) as folder,
    ):
        (folder / "result.json").touch()
        out.mkdir()
        (out / "theirs").touch()
    assert (out / "theirs").exists()
    assert (tmp_path / "out.partial" / "result.json").exists()
