"""The command line as a user meets it: in a process of its own, or here to save its start."""

import csv
import json
import re
import subprocess
import sys
from unittest.mock import patch

import cv2
import numpy as np
import pytest
import typer
import yaml
from typer.testing import CliRunner

from approx_perception.cli.main import app
from approx_perception.datasets import open_source
from test.conftest import ROOT


def command(*arguments, timeout=300):
    return subprocess.run(
        [sys.executable, "-m", "approx_perception.cli.main", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def invoke(*arguments):
    """Like `command`, in this process."""
    words = [str(argument) for argument in arguments]
    with patch.object(sys, "argv", ["approx-perception", *words]):
        done = CliRunner().invoke(app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def assert_one_sentence(result, *words):
    """Exit code 1 and a last line that starts with ``error:`` and holds all words."""
    assert result.returncode == 1, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert lines[-1].startswith("error: "), result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[-1]


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "result"
    result = command(
        "run", "synthetic:crowd", "--frames", 12, "--branch", "shape=224,si=4", "--video",
        "--sla-ms", 80, "--out", out,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return out, result


def test_help_names_every_verb():
    result = command("--help")
    assert result.returncode == 0
    for verb in ("run", "demo", "synthesize", "train", "profile", "contend", "evaluate", "compare",
                 "report"):  # fmt: skip
        assert verb in result.stdout
        assert invoke(verb, "--help").returncode == 0


def test_run_tells_how_much_of_the_truth_it_used(tmp_path):
    """Persons, whom the shipped network does not know."""
    (tmp_path / "img1").mkdir()
    (tmp_path / "gt").mkdir()
    for number in (4, 7):
        cv2.imwrite(str(tmp_path / "img1" / f"{number}.png"), np.zeros((96, 96, 3), np.uint8))
    (tmp_path / "gt" / "gt.txt").write_text("4,1,5,5,20,20\n5,1,5,5,20,20\n7,1,6,5,20,20\n")
    result = invoke(
        "run", tmp_path, "--branch", "shape=96,nprop=10,si=1", "--out", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    rows = csv.DictReader((tmp_path / "out" / "frames.csv").open())
    assert [(row["frame"], row["file"]) for row in rows] == [("1", "4.png"), ("2", "7.png")]
    said = " ".join(result.stderr.split())
    assert "2 objects in 2 of 2 frames" in said
    assert "warning:" in said
    assert "has person; bring names together" in said


def test_run_writes_detections(finished_run):
    out, _ = finished_run
    identified, unidentified = (
        list(csv.reader((out / f"{name}.txt").read_text().splitlines()))
        for name in ("detections", "unidentified")
    )
    # Tools for tracks take two rows of one frame and id for an error.
    assert identified
    assert len({tuple(row[:2]) for row in identified}) == len(identified)
    assert {int(row[1]) for row in unidentified} == {-1}
    for frame, identity, *box, score, name in identified + unidentified:
        assert 1 <= int(frame) <= 12
        assert int(identity) >= -1
        assert len([float(value) for value in box]) == 4
        assert 0.05 <= float(score) <= 1
        assert name.isalpha()


def test_run_writes_a_row_for_each_frame(finished_run):
    out, _ = finished_run
    rows = list(csv.DictReader((out / "frames.csv").open()))
    assert [int(row["frame"]) for row in rows] == list(range(1, 13))
    assert [row["source"] for row in rows] == (["detected"] + ["tracked"] * 3) * 3
    for row in rows:
        assert row["branch"] == "shape=224,nprop=100,si=4,tracker=median_flow,ds=1"
        stages = ("decode", "schedule", "detect", "track", "associate", "initialize")
        parts = sum(float(row[f"{stage}_ms"]) for stage in stages)
        assert parts <= float(row["processing_ms"]) + 0.01
        assert float(row["sla_ms"]) == 80


def test_run_writes_its_configuration(finished_run):
    out, _ = finished_run
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["policy"] == "fixed"
    assert config["fixed_branch"].startswith("shape=224")
    sla = {"latency_ms": 80.0, "quantile": 0.95, "scope": "frame"}
    assert config["sla"] == sla | {"accuracy": 0.0}
    assert config["versions"]["numpy"] == np.__version__


def test_run_writes_a_video_that_plays(finished_run):
    out, _ = finished_run
    frames = list(open_source(str(out / "annotated.mp4")))
    assert len(frames) == 12
    assert frames[0].frame.image.shape == (480, 640, 3)


def test_run_shows_a_summary(finished_run):
    _, result = finished_run
    for word in ("processing", "over the SLA", "AP50", "12 frames"):
        assert word in result.stderr
    # Twelve frames are too few to tell that it was kept.
    assert re.match(r"SLA 80 ms for 95 % of frames: (unknown|broken) \(", result.stdout)


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_get_honest_words(tmp_path, frames):
    options = ("--frames", frames, "--branch", "shape=64", "--sla-ms", 60000)
    for verb, more in (("run", ()), ("evaluate", ("--policy", "fixed"))):
        result = invoke(verb, "synthetic:calm", *more, *options, "--out", tmp_path / verb)
        assert result.returncode == 0, result.stderr
        words = f"unknown (0 late of {frames} frame{'s' * (frames > 1)}; 20 are needed to tell)"
        assert words in result.stdout
        assert not re.search(r"\bnan\b", result.stdout + result.stderr)


def test_no_frames_at_all(tmp_path):
    (tmp_path / "empty").mkdir()
    for verb in ("run", "evaluate", "compare"):
        more = ("-s", "ours") if verb == "compare" else ()
        result = invoke(verb, tmp_path / "empty", *more, "--out", tmp_path / "out")
        assert_one_sentence(result, "holds no images")
        assert not (tmp_path / "out").exists()


def test_results_are_not_overwritten(finished_run):
    out, _ = finished_run
    result = invoke("run", "synthetic:calm", "--frames", 1, "--out", out)
    assert_one_sentence(result, "exists", "--overwrite")


@pytest.mark.parametrize("verb", ["run", "evaluate"])
def test_of_what_the_shipped_network_knows_nothing(tmp_path, finished_run, verb):
    words = "note: the network that ships knows only synthetic shapes"
    assert words not in finished_run[1].stderr
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((48, 64, 3), np.uint8))
    result = invoke(verb, folder, "--branch", "shape=64", "--out", tmp_path / "out")
    assert result.stderr.count(words) == 1, result.stderr


def test_policy_chooses_by_the_sla(tmp_path):
    branches = []
    # So far apart that no noise of the calibration makes the large one the quicker one.
    space = tmp_path / "far.yaml"
    space.write_text("{name: far, shape: [96, 448], nprop: [10], si: [1]}")
    options = ("--frames", 2, "--space", space)
    for sla_ms in (1000, 0.5):
        out = tmp_path / str(sla_ms)
        result = invoke("run", "synthetic:calm", *options, "--sla-ms", sla_ms, "--out", out)
        assert result.returncode == 0, result.stderr
        # Nothing is fixed, so nothing is named.
        config = yaml.safe_load((out / "config.yaml").read_text())
        assert (config["policy"], "fixed_branch" in config) == ("most_accurate", False)
        branches.append(next(csv.DictReader((out / "frames.csv").open())))
    assert branches[0]["branch"] != branches[1]["branch"]
    assert "no branch fits 0.5 ms" in branches[1]["reason"]


def test_synthesize_writes_a_bag_that_run_reads(tmp_path):
    bag = tmp_path / "bag"
    result = invoke("synthesize", "calm", "--frames", 3, "--out", bag)
    assert result.returncode == 0, result.stderr
    result = invoke("run", bag, "--branch", "shape=160", "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "AP50" in result.stderr


def test_old_words_and_those_of_the_node_are_taken(tmp_path):
    for number, words in enumerate((
        ("run", "--system", "fixed", "--sla-latency-ms=80", "--num-threads", 1),
        ("evaluate", "--system=detector_only", "--sla-ms", 80),
    )):  # fmt: skip
        verb, *options = words
        result = invoke(
            verb, "synthetic:calm", "--branch", "shape=64", "--frames", 1, *options,
            "--out", tmp_path / str(number),
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("SLA 80 ms")
        assert "--system" not in invoke(verb, "--help").stdout
    result = json.loads((tmp_path / "1" / "result.json").read_text())["systems"]["detector_only"]
    assert (result["configuration"]["policy"], result["figures"]["frames"]) == ("fixed", 1)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("compare a -sours -sfastest", "compare a --policy ours --policy fastest"),
        ("compare a -s ours --system=fastest", "compare a --policy ours --policy fastest"),
        ("profile a --data b --data=c", "profile a b c"),
        ("profile --data --plan-only", "profile -- --plan-only"),
        ("profile --views 3 --no-plan-only", "profile"),
        ("run a --video --no-video --no-overwrite", "run a"),
        ("evaluate a --no-camera --no-live --no-export --no-resume --live", "evaluate a --live"),
        *((f"{verb} a --no-overwrite", f"{verb} a") for verb in ("demo", "synthesize", "report")),
        ("run -- --no-video", "run -- --no-video"),
    ],
)
def test_old_flags_mean_what_they_meant(words, meant):
    def read(text):
        verb, *options = text.split()
        return verbs[verb].make_context(verb, options).params

    verbs = typer.main.get_command(app).commands
    assert read(words) == read(meant)


def test_an_old_flag_without_its_value_is_refused():
    result = invoke("profile", "--data")
    assert result.returncode == 2
    assert "Option '--data' requires an argument" in result.stderr


def test_a_branch_alone_is_fixed_in_every_command(tmp_path):
    words = ("synthetic:calm", "--branch", "shape=64", "--frames", 1)
    assert invoke("run", *words, "--out", tmp_path / "run").returncode == 0
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["policy"] == "fixed"
    assert invoke("evaluate", *words, "--out", tmp_path / "evaluate").returncode == 0
    assert list(json.loads((tmp_path / "evaluate" / "result.json").read_text())["systems"]) == [
        "fixed"
    ]


def test_train_resumes(tmp_path):
    arguments = ("train", "--iterations", 1, "--batch-size", 1, "--workers", 0, "--out", tmp_path)
    assert invoke(*arguments).returncode == 0
    result = invoke(*arguments)
    assert result.returncode == 0, result.stderr
    assert "going on from batch 1" in result.stderr


class TestBadInput:
    @pytest.fixture
    def run(self, tmp_path):
        return lambda *arguments: invoke(
            "run", "synthetic:calm", "--frames", 1, "--out", tmp_path / "out", *arguments
        )

    def test_missing_weights(self, run):
        assert_one_sentence(run("--weights", "nowhere.pt"), "nowhere.pt")

    def test_corrupt_weights(self, run, tmp_path):
        (tmp_path / "bad.pt").write_bytes(b"no weights")
        assert_one_sentence(run("--weights", tmp_path / "bad.pt"), "bad.pt", "no readable weights")
        result = run("--detector", "yolox", "--weights", tmp_path / "bad.pt")
        assert_one_sentence(result, "bad.pt", "no ONNX file")

    def test_wrong_number_of_class_names(self, run, tmp_path):
        (tmp_path / "names.txt").write_text("one\n")
        result = run("--class-names", tmp_path / "names.txt")
        assert_one_sentence(result, "names 1 class, but the network has 8")

    @pytest.mark.parametrize("sla_ms", ["0", "-5", "nan"])
    def test_sla_out_of_range(self, run, sla_ms):
        assert_one_sentence(run("--sla-ms", sla_ms), "the SLA is", "above 0")

    def test_sla_of_the_wrong_type(self, run):
        result = run("--sla-ms", "fast")
        assert result.returncode == 2
        assert "'fast'" in result.stderr
        assert "Traceback" not in result.stderr

    def test_unknown_tracker_in_the_space(self, run, tmp_path):
        path = tmp_path / "space.yaml"
        path.write_text("shape: [160]\nnprop: [5]\nsi: [1, 2]\ntrackers: [{name: sort}]\n")
        assert_one_sentence(run("--space", path), "no tracker 'sort'", "'median_flow'")

    def test_space_of_another_family(self, run):
        assert_one_sentence(run("--space", "yolox"), "needs values for the knob nprop")

    def test_unknown_names(self, run):
        assert_one_sentence(run("--detector", "ssd"), "'ssd'", "'yolox'")
        assert_one_sentence(run("--policy", "best"), "'best'", "'most_accurate'")
        assert_one_sentence(run("--branch", "speed=1"), "'speed=1'", "'shape'")
        assert_one_sentence(run("--sla-scope", "week"), "'week'", "gof")
        assert_one_sentence(run("--device", "abacus"), "'abacus'")

    def test_unreadable_sources(self, tmp_path):
        out = tmp_path / "out"
        bag = tmp_path / "bag"
        bag.mkdir()
        (bag / "metadata.yaml").write_text("no bag")
        text = tmp_path / "video.mp4"
        text.write_text("no video")
        broken = tmp_path / "images"
        broken.mkdir()
        _, data = cv2.imencode(".png", np.zeros((40, 40, 3), np.uint8))
        for name in ("1.png", "2.png"):
            (broken / name).write_bytes(data.tobytes()[:20])
        for source, words in (
            (bag, ("no bag",)), (text, ("no video",)), (broken, ("1.png",)),
            ("nowhere", ("no source 'nowhere'",)), ("synthetic:jam", ("'jam'", "'calm'")),
        ):  # fmt: skip
            result = invoke("run", source, "--branch", "shape=64", "--out", out)
            assert_one_sentence(result, *words)
            assert not out.exists()


@pytest.mark.parametrize("flag", ["--profile", "--out", "--class-names"])
def test_a_file_without_a_name_is_refused(flag):
    result = invoke("run", "synthetic:mixed", "--frames", 2, flag, "")
    assert result.returncode == 2
    assert "it is empty; name a file" in result.stderr
