"""Profiling as a user does it: plan, run, interrupt, go on, use."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.baselines.fit_original import original_of_profile
from approx_perception.branches import BranchSpace
from approx_perception.latency.records import ProfileRecords
from test.cli.test_commands import assert_one_sentence, command, invoke
from test.conftest import ROOT

SPACE = {
    "name": "tiny", "shape": [96, 160], "nprop": [10], "si": [1, 4],
    "trackers": [{"name": "median_flow", "ds": 2}],
}  # fmt: skip
DATA = ("synthetic:crowd:val:0", "synthetic:race:val:0", "--frames", 32)


def arguments(folder, *more):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(SPACE))
    # The precision is the same in a process of its own and here.
    options = ("--precision", "float32", "--rounds", 1, "--out", folder / "one.json")
    return ("profile", "--space", path, *DATA, *options, *more)


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """A run that was interrupted once."""
    folder = tmp_path_factory.mktemp("profile")
    words = [str(word) for word in arguments(folder)]
    first = subprocess.Popen(
        [sys.executable, "-m", "approx_perception.cli.main", *words],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end_s = time.monotonic() + 200
    while not list(folder.glob("one.partial-*/latency_0_1.npz")) and time.monotonic() < end_s:
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 130
    assert re.search(
        r"interrupted: what is measured is in .*one\.partial-\w+; the same command goes on",
        first.stderr.read(),
    )
    first.stderr.close()
    kept = {p.name: p.stat().st_mtime_ns for p in folder.glob("one.partial-*/latency_*.npz")}
    assert kept
    assert not (folder / "one.json").exists()
    second = command(*arguments(folder), timeout=300)
    assert second.returncode == 0, second.stderr
    return folder, second, kept


def test_plan_says_how_long_it_takes_and_does_nothing(tmp_path):
    result = invoke(*arguments(tmp_path, "--plan-only", "--out", tmp_path / "new" / "one.json"))
    assert result.returncode == 0, result.stderr
    assert "minutes" in result.stderr
    assert not (tmp_path / "new").exists()


def test_goes_on_where_it_was_interrupted(profiled):
    folder, second, _ = profiled
    assert "going on with" in second.stderr
    assert not list(folder.glob("one.partial-*"))


def test_an_interrupted_profile_of_other_options_is_told_of_and_left_alone(tmp_path):
    other = tmp_path / "one.partial-0123456789ab"
    other.mkdir()
    result = invoke(*arguments(tmp_path, "--plan-only"))
    assert f"{other.name} is of an interrupted profile with other options" in result.stderr
    assert "going on" not in result.stderr
    assert other.is_dir()


def test_records_hold_what_was_measured_and_where(profiled):
    folder, _, _ = profiled
    records = ProfileRecords.load(folder / "one.records.json")
    metadata = records.metadata
    for name in ("machine", "versions", "network", "space_hash", "data_hash", "created"):
        assert metadata[name], name
    space = BranchSpace.from_dict(metadata["space"], "the test's space")
    assert set(records.latency["part"]) == set(range(len(space.compiled.parts)))
    assert (records.latency["before"] >= 0).any()
    assert set(records.latency["level"]) == set(range(len(metadata["levels"])))
    assert (records.latency["ms"] > 0).all()
    assert records.accuracy["ap50"].shape == (4, 4)
    assert np.isfinite(records.accuracy["features"]).all()
    loads = [level["cpu_others"] for level in metadata["levels"]]
    assert loads[3] > loads[0]


def test_predictors_are_sensible(profiled):
    folder, _, _ = profiled
    bundle = PredictorBundle.load(folder / "one.json")
    slowdown = np.exp(bundle.latency.log_slowdown)
    np.testing.assert_allclose(slowdown[:, 0], 1.0)
    assert slowdown[0].max() > 1.5
    space = BranchSpace.from_dict(bundle.metadata["space"], "one.json")
    assert original_of_profile(folder / "one.json", space).levels.shape == (5, 3)
    assert ((bundle.accuracy.agnostic >= 0) & (bundle.accuracy.agnostic <= 1)).all()


def test_run_takes_it(profiled, tmp_path):
    folder, _, _ = profiled
    for policy in ("most_accurate", "approxdet"):
        result = invoke(
            "run", "synthetic:crowd", "--frames", 12, "--space", folder / "tiny.yaml",
            "--profile", folder / "one.json", "--policy", policy, "--out", tmp_path / policy,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        config = yaml.safe_load((tmp_path / policy / "config.yaml").read_text())
        assert config["profile"] == str(folder / "one.json")


def test_systems_with_and_without_a_choice_share_it(profiled, tmp_path):
    """A branch by itself is another space than the profile's, and needs none of it."""
    folder, _, _ = profiled
    words = [word for name in ("most_accurate", "fixed", "triggered") for word in ("-s", name)]
    result = invoke(
        "compare", "synthetic:crowd", *words, "--branch", "shape=96,nprop=10,si=4", "--frames", 8,
        "--space", folder / "tiny.yaml", "--profile", folder / "one.json", "--out",
        tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    systems = json.loads((tmp_path / "out" / "result.json").read_text())["systems"]
    assert len({own["network"] for own in systems.values()}) == 1


def test_another_space_is_refused(profiled, tmp_path):
    folder, _, _ = profiled
    result = invoke(
        "run", "synthetic:crowd", "--frames", 2, "--profile", folder / "one.json", "--out",
        tmp_path / "run",
    )  # fmt: skip
    assert_one_sentence(result, "another branch space", "approx-perception profile")


def test_a_finished_profile_is_not_overwritten(profiled):
    folder, _, _ = profiled
    before = (folder / "one.json").read_bytes()
    assert_one_sentence(invoke(*arguments(folder)), "exists", "--overwrite")
    assert (folder / "one.json").read_bytes() == before


def test_a_corrupt_profile_is_said(profiled, tmp_path):
    folder, _, _ = profiled
    (tmp_path / "bad.json").write_bytes((folder / "one.json").read_bytes())
    (tmp_path / "bad.npz").write_bytes(b"nonsense")
    result = invoke(
        "run", "synthetic:crowd", "--frames", 2, "--profile", tmp_path / "bad.json", "--out",
        tmp_path / "run",
    )  # fmt: skip
    assert_one_sentence(result, "damaged or of another profile")


def test_baseline_policy_without_a_profile(tmp_path):
    result = invoke(
        "run", "synthetic:crowd", "--frames", 2, "--policy", "approxdet", "--out", tmp_path / "run"
    )
    assert_one_sentence(result, "needs a profile of this machine")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--out", "profile.txt"), ("'profile.txt'", ".json")),
        (("synthetic:nowhere",), ("nowhere",)),
        (("--data", "synthetic:crowd:exam"), ("exam", "'train', 'val' or 'test'")),
        (("--data=synthetic:crowd:val:x",), ("'x'", "whole number")),
        (("--space", "missing.yaml"), ("missing.yaml",)),
    ],
)
def test_what_cannot_be(more, words):
    assert_one_sentence(invoke("profile", *more), *words)


def test_data_without_ground_truth(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((48, 64, 3), np.uint8))
    result = invoke("profile", "--data", tmp_path, "--out", tmp_path / "one.json")
    assert_one_sentence(result, "needs a source of two frames or more")


def test_contend_stops_and_says_what_it_had():
    result = command("contend", "--cpu", 1, "--cpu-share", 0.2, "--seconds", 0.5)
    assert result.returncode == 0, result.stderr
    assert "1 core at 20% for 0.5 s" in result.stderr
    assert "cpu: had" in result.stderr


def test_contend_refuses_what_the_machine_has_not():
    assert_one_sentence(invoke("contend", "--cpu", 9999), "9999", "this machine has")
    assert_one_sentence(invoke("contend", "--cpu-share", 2), "2.0", "between 0 and 1")


def test_space_hash_is_in_the_json(profiled):
    folder, _, _ = profiled
    assert json.loads((folder / "one.json").read_text())["space"]["name"] == "tiny"
