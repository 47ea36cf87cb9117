"""Evaluations as a user runs them, on a recorded machine, so that every run is the same."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml
from rosbags.highlevel import AnyReader

from approx_perception.datasets.bag_types import typestore_with_ours
from approx_perception.datasets.bag_writer import write_bag
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.latency.records import ProfileRecords
from approx_perception.metrics.figures import described_figures
from approx_perception.metrics.record_files import read_record
from approx_perception.metrics.scoring.by_task import scoring_of
from test.cli.test_commands import assert_one_sentence, command, invoke
from test.conftest import ROOT
from test.datasets.test_sources import write_bag_with_truth_beside
from test.recorded_machine import SPACE, write_records, write_space

#: Than the space of the recorded machine.
SMALLER = {**SPACE, "name": "smaller", "shape": [96]}
SOURCES = ("synthetic:calm:test:0", "synthetic:race:test:0")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine")
    trace = ("--space", write_space(folder), "--latency-trace", write_records(folder))
    # The same in a process of its own and here.
    return folder, (*trace, "--precision", "float32")


@pytest.fixture(scope="module")
def evaluated(machine):
    folder, options = machine
    (folder / "scenario.yaml").write_text(
        "sla_steps: {12: 20}\ncontention_steps: {6: {cpu_cores: 1}}\n"
        "limits: {ap50: '>=0.2', p95_processing_ms: '<=200'}\n"
    )
    result = invoke(
        "evaluate", *SOURCES, "--frames", 24, *options, "--scenario", folder / "scenario.yaml",
        "--sla-ms", 40, "--export", "--out", folder / "one",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder / "one", result


def read(out):
    result = json.loads((out / "result.json").read_text())
    # Two runs differ in these alone.
    assert result["made"].pop("command").startswith("approx-perception evaluate ")
    assert result.pop("made").keys() == {"date"}
    return result


def test_what_cannot_be_read_is_told_and_the_rest_is_evaluated(machine, tmp_path):
    _, options = machine
    for name in ("good", "damaged"):
        assert invoke("synthesize", "calm", "--frames", 6, "--out", tmp_path / name).returncode == 0
    file = next((tmp_path / "damaged").glob("*.mcap"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])
    images = tmp_path / "images"
    images.mkdir()
    for index in range(3):
        cv2.imwrite(str(images / f"{index}.png"), np.zeros((48, 64, 3), np.uint8))
    (images / "1.png").write_bytes(b"no image")
    result = invoke(
        "evaluate", tmp_path / "good", tmp_path / "damaged", images, *options,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert read(tmp_path / "out")["systems"]["most_accurate"]["figures"]["frames"] == 6 + 4 + 2
    assert "damaged is damaged; what can be read of it is read" in result.stderr
    assert result.stderr.count("1 of 3 images cannot be read and are left out") == 1


def test_the_result_names_everything_that_made_it(evaluated):
    out, _ = evaluated
    result = read(out)
    own = result["systems"]["most_accurate"]
    described = described_figures(scoring_of("detection"))
    assert set(own["figures"]) == set(described) == set(result["what_figures_are"])
    assert own["figures"]["frames"] == 48
    assert own["figures"]["steps"] == 4
    assert own["configuration"]["sla"]["latency_ms"] == 40
    assert own["limits"] == {"ap50 >= 0.2": True, "p95_processing_ms <= 200": True}
    assert set(own["sources"]) == {"synthetic_calm_test_0", "synthetic_race_test_0"}
    hashes = {source["data_hash"] for source in own["sources"].values()}
    assert len(hashes) == 2
    assert [v["text"][:8] for v in own["verdict"]["slas"]] == ["SLA 40 m", "SLA 20 m"]
    assert evaluated[1].stdout.startswith("SLA 40 ms for 95 % of frames: ")
    assert result["clock"] == "recorded latencies"
    assert {"numpy", "onnxruntime"} <= set(result["environment"]["versions"])


def test_a_second_run_gives_the_same_result(evaluated, machine):
    first, _ = evaluated
    folder, options = machine
    result = command(
        "evaluate", *SOURCES, "--frames", 24, *options, "--scenario", folder / "scenario.yaml",
        "--sla-ms", 40, "--processes", 2, "--out", folder / "processes",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert read(folder / "processes") == read(first)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (
            {"space": SMALLER},
            ("another branch space", "'smaller' (shape 96, ", "'tiny' (shape 96 160"),
        ),
        ({"network": "yolox abc"}, ("another network", "'yolox abc', but here runs 'faster_rcnn")),
    ],
    ids=["space", "network"],
)
def test_latencies_of_something_else_are_refused(machine, metadata, words, tmp_path):
    folder, options = machine
    records = ProfileRecords.load(folder / "machine.records.json")
    replace(records, metadata=records.metadata | metadata).save(tmp_path / "other.records.json")
    result = invoke(
        "evaluate", SOURCES[0], "--frames", 2, *options,
        "--latency-trace", tmp_path / "other.records.json", "--out", tmp_path / "out",
    )  # fmt: skip
    way_out = "name its network, weights and space"
    assert_one_sentence(result, "the latency trace is of", *words, way_out)


def test_ray_gives_the_same_result(evaluated, machine):
    pytest.importorskip("ray", reason="Ray is not installed")
    first, _ = evaluated
    folder, options = machine
    result = command(
        "evaluate", *SOURCES, "--frames", 24, *options, "--scenario", folder / "scenario.yaml",
        "--sla-ms", 40, "--ray", "local", "--out", folder / "ray", timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert read(folder / "ray") == read(first)


def test_a_ray_cluster_that_is_not_there(machine):
    pytest.importorskip("ray", reason="Ray is not installed")
    folder, options = machine
    result = invoke(
        "evaluate", SOURCES[0], "--frames", 4, *options, "--ray", "127.0.0.1:1",
        "--out", folder / "no_cluster",
    )  # fmt: skip
    assert_one_sentence(result, "no Ray cluster at '127.0.0.1:1'")


def test_files_for_other_people(evaluated):
    out, _ = evaluated
    folder = out / "synthetic_calm_test_0" / "most_accurate"
    tracks, unidentified = (
        [line.split(",") for line in (folder / name).read_text().splitlines()]
        for name in ("mot.txt", "mot_unidentified.txt")
    )
    assert {len(row) for row in tracks + unidentified} == {9}
    assert len({tuple(row[:2]) for row in tracks}) == len(tracks) > 0
    # Nobody has an identity in the first frame.
    assert unidentified[0][:2] == ["1", "-1"]
    truth = json.loads((folder / "coco_ground_truth.json").read_text())
    results = json.loads((folder / "coco_results.json").read_text())
    assert len(truth["images"]) == 24
    assert {entry["image_id"] for entry in results} <= {image["id"] for image in truth["images"]}
    with AnyReader([folder / "results_bag"], default_typestore=typestore_with_ours()) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert counts == {"/detections": 24, "/decision": 24, "/debug_image/compressed": 24}
    # Nothing unfinished; the mark says whose folder it is.
    assert [path.name for path in out.rglob(".*")] == [".approx_perception"]


def test_a_limit_that_is_broken_is_another_exit_code(machine):
    folder, options = machine
    (folder / "strict.yaml").write_text("limits: {max_processing_ms: '<=0.01', frames: '>=4'}\n")
    result = invoke(
        "evaluate", SOURCES[1], "--frames", 4, *options, "--scenario", folder / "strict.yaml",
        "--sla-ms", 40, "--out", folder / "strict",
    )  # fmt: skip
    assert result.returncode == 3
    assert "broken: max_processing_ms <= 0.01" in result.stderr
    assert "kept: frames >= 4" in result.stderr
    assert read(folder / "strict")["systems"]["most_accurate"]["limits"] == {
        "max_processing_ms <= 0.01": False, "frames >= 4": True,
    }  # fmt: skip


def test_a_source_that_fails_leaves_the_others_alone(machine, tmp_path):
    folder, options = machine
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    result = invoke(
        "evaluate", tmp_path / "broken.mp4", SOURCES[0], "--frames", 4, *options,
        "--out", folder / "partly",
    )  # fmt: skip
    assert result.returncode == 1
    assert "failed: broken.mp4:" in result.stderr
    result = read(folder / "partly")
    assert len(result["failures"]) == 1
    assert result["systems"]["most_accurate"]["figures"]["frames"] == 4


def test_an_interrupted_run_goes_on(machine):
    folder, options = machine
    out = folder / "resumed"
    # The first source is short, so that the second one is under way when the first is done.
    words = ["evaluate", *SOURCES, "--frames", 60, *options, "--out", out]
    first = subprocess.Popen(
        [sys.executable, "-m", "approx_perception.cli.main", *map(str, words)], cwd=ROOT,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    partial, end_s = folder / "resumed.partial", time.monotonic() + 200
    while not list(partial.glob(".finished/*.json")) and time.monotonic() < end_s:
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.02)
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 130
    assert "resumed.partial; the same command with --resume goes on" in first.stderr.read()
    first.stderr.close()
    assert not out.exists()
    (kept,) = partial.rglob("record.json")
    before_ns = kept.stat().st_mtime_ns
    second = command(*words, "--resume")
    assert second.returncode == 0, second.stderr
    assert read(out)["systems"]["most_accurate"]["figures"]["frames"] == 120
    assert (out / kept.relative_to(partial)).stat().st_mtime_ns == before_ns


@pytest.mark.parametrize(
    "names", [("day1/a", "day2/a", "day3/a_2"), ("a_2", "a", "a"), ("a", "a_2", "a_2", "a", "a_3")]
)
def test_every_source_has_a_label_of_its_own(names):
    from approx_perception.evaluation.sources import SourceOptions, with_own_labels

    labels = [source.label for source in with_own_labels([SourceOptions(n) for n in names])]
    assert len(set(labels)) == len(names)
    assert all(label.startswith("a") for label in labels)


def test_two_topics_of_a_bag_are_two_sources():
    from approx_perception.evaluation.sources import SourceOptions, with_own_labels

    sources = [SourceOptions("a/bag", t) for t in ("/left", "/right", "/left")]
    sources.append(SourceOptions("b/bag", "/left"))
    labels = [source.label for source in with_own_labels(sources)]
    assert labels == ["bag_left", "bag_right", "bag_left_2", "bag_left_3"]


def test_a_camera_meets_contention_at_frames_of_the_source_and_exports_the_last_one(machine):
    """From frame 20 on; of those before, most are dropped."""
    folder, options = machine
    (folder / "busy.yaml").write_text("contention_steps: {20: {cpu_cores: 1}}\n")
    out = folder / "camera"
    result = invoke(
        "evaluate", SOURCES[1], "--frames", 30, *options, "--scenario", folder / "busy.yaml",
        "--policy", "fixed", "--branch", "shape=160,nprop=10,si=1", "--camera", "--export",
        "--out", out,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    own = out / "synthetic_race_test_0" / "fixed"
    record = read_record(own)
    done = record.frames["processed"]
    assert 2 < done.sum() < 30
    slow = record.frames["processing_ms"][done] > 45
    np.testing.assert_array_equal(slow, np.flatnonzero(done) >= 20)
    with AnyReader([own / "results_bag"], default_typestore=typestore_with_ours()) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert done[-1]
    assert counts["/detections"] == done.sum()


@pytest.fixture
def bag(tmp_path):
    write_bag(tmp_path / "bag", SyntheticVideo("race", "test", 0, 6, fps=10))
    return tmp_path / "bag"


def test_the_truth_that_was_used_is_told(evaluated):
    out, done = evaluated
    use = read(out)["systems"]["most_accurate"]["truth"]
    assert (use["frames"], use["frames_with_truth"], use["warnings"]) == (48, 48, [])
    assert use["objects"] > 48
    assert f"ground truth: {use['objects']} objects in 48 of 48 frames" in done.stderr
    assert (
        read(out)["systems"]["most_accurate"]["sources"]["synthetic_calm_test_0"]["truth"]["frames"]
        == 24
    )


def test_truth_whose_stamps_are_beside(machine, tmp_path, monkeypatch):
    """A warning where the bag has it, an error where the user named it; either way the reason."""
    folder, options = machine
    source = SyntheticVideo("race", "test", 0, 4, fps=10)
    write_bag_with_truth_beside(tmp_path / "beside", source, monkeypatch)
    words = ("evaluate", tmp_path / "beside", *options)
    done = invoke(*words, "--out", folder / "beside")
    assert done.returncode == 0, done.stderr
    reason = "not one of 4 frames has truth in /ground_truth"
    assert f"warning: beside: {reason}" in done.stderr
    assert "1.000 ms beside" in done.stderr
    use = read(folder / "beside")["systems"]["most_accurate"]["truth"]
    assert (use["frames_with_truth"], use["objects"]) == (0, 0)
    assert any(reason in text for text in use["warnings"])
    done = invoke(*words, "--ground-truth", "/ground_truth", "--out", folder / "named")
    assert done.returncode == 1
    assert "failed: beside: no object of /ground_truth was used" in done.stderr
    assert read(folder / "named")["systems"]["most_accurate"]["figures"]["frames"] == 4


def test_classes_of_no_common_name(machine, bag, tmp_path):
    folder, options = machine
    (tmp_path / "gt.txt").write_text("1,1,5,5,20,20,1,3,1\n")
    (tmp_path / "map.yaml").write_text("3: lorry\n")
    words = ("evaluate", bag, *options, "--ground-truth", tmp_path / "gt.txt")
    done = invoke(*words, "--class-map", tmp_path / "map.yaml", "--out", folder / "no_class")
    assert_one_sentence(done, "the network knows", f"{tmp_path / 'gt.txt'} has lorry")
    name = str(read_record(next(folder.rglob("one/*/most_accurate"))).metadata["class_names"][0])
    (tmp_path / "map.yaml").write_text(f"3: lorry\n{name}: lorry\n")
    done = invoke(*words, "--class-map", tmp_path / "map.yaml", "--out", folder / "class")
    assert done.returncode == 0, done.stderr
    assert read(folder / "class")["systems"]["most_accurate"]["truth"]["objects"] == 1


def test_what_a_run_found_is_truth_for_an_evaluation(machine, bag, tmp_path):
    folder, options = machine
    branch = ("--branch", "shape=160,nprop=10,si=1")
    done = invoke("run", bag, "--space", options[1], *branch, "--out", tmp_path / "slow")
    assert done.returncode == 0, done.stderr
    done = invoke(
        "evaluate", bag, *options, "--policy", "fixed", *branch, "--ground-truth",
        tmp_path / "slow" / "detections.txt", "--out", folder / "pseudo",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    own = read(folder / "pseudo")["systems"]["fixed"]
    assert own["figures"]["ap50"] == pytest.approx(1.0)
    assert own["truth"]["objects"] > 0
    assert own["truth"]["objects_ignored"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--policy", "yolov9"), ("no policy 'yolov9'", "'most_accurate'")),
        (("--policy", "nowhere.yaml"), ("nowhere.yaml is no description of a system",)),
        (("--policy", "oracle"), ("give --latency-trace",)),
        (("--scenario", "nowhere.yaml"), ("nowhere.yaml is no scenario",)),
        (("--latency-trace", "nowhere.json"), ("cannot read the records nowhere.json",)),
        (("--ground-truth", "nowhere.txt"), ("no ground truth 'nowhere.txt'",)),
        (("--class-map", "nowhere.yaml"), ("nowhere.yaml",)),
        (("--sla-scope", "day"), ("scope is 'day'",)),
        (("--policy", "detector_only", "--branch", "shape=96,si=4"), ("leave si out",)),
    ],
)
def test_bad_options(tmp_path, arguments, words):
    out = tmp_path / "out"
    result = invoke("evaluate", "synthetic:calm", "--frames", 2, *arguments, "--out", out)
    assert result.returncode == 1
    for word in words:
        assert word in result.stderr.replace("\n", " ")
    assert not out.exists()


def test_a_system_from_a_file(machine, tmp_path):
    folder, options = machine
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({"system": "fixed", "branch": "shape=96,nprop=10,si=1"}))
    result = invoke(
        "evaluate", SOURCES[0], "--frames", 4, *options, "--policy", path,
        "--out", folder / "from_file",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    own = read(folder / "from_file")["systems"]["small"]
    assert own["configuration"]["branch"] == "shape=96,nprop=10,si=1"
    assert own["figures"]["mean_detect_ms"] == pytest.approx(12, rel=0.2)
    path.write_text(yaml.safe_dump({"system": "fixed", "brunch": "shape=96"}))
    result = invoke("evaluate", SOURCES[0], "--policy", path, "--out", tmp_path / "out")
    assert_one_sentence(result, "there is no option 'brunch'", "'branch'")
