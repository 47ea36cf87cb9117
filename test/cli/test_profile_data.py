"""What profile is given: data without truth, of other classes, files of others."""

import json
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import yaml

from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.assembly.idleness import busy_sentence, idleness_of
from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.exceptions import ConfigurationError, counted
from approx_perception.files import claimed
from approx_perception.latency.records import ProfileRecords
from approx_perception.profiling.data import enough_frames
from approx_perception.profiling.learners.by_task import learner_of
from approx_perception.profiling.session import ProfileSession, check_target
from approx_perception.structures import Frame, GroundTruth
from test.cli.test_commands import assert_one_sentence, invoke

SPACE = {"name": "tiny", "shape": [64], "nprop": [10], "si": [1, 2],
         "trackers": [{"name": "median_flow", "ds": 2}]}  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two frames and a half dozen more, without truth; and truth of a class that nobody knows."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    names = [f"{index:06d}.png" for index in range(1, 9)]
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / "images" / name), np.roll(pixels, index, axis=1))
    truth = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [10, 10, 30, 30]} for i in range(8)
        ],
        "categories": [{"id": 1, "name": "zebra"}],
    }
    (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(SPACE), encoding="utf-8")
    (folder / "map.yaml").write_text("ball: zebra", encoding="utf-8")
    return folder


def profile(folder, out, *more):
    return invoke(
        "profile", "--space", folder / "tiny.yaml", "--data", folder / "images", "--rounds", 1,
        "--out", out, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unlabelled(images):
    result = profile(images, images / "one.json")
    assert result.returncode == 0, result.stderr
    return images, result


def test_data_without_truth_give_latency_alone(unlabelled, tmp_path):
    folder, result = unlabelled
    assert "only latency is profiled" in result.stderr
    bundle = PredictorBundle.load(folder / "one.json")
    assert bundle.accuracy is None
    assert (bundle.latency.base >= 0).all()
    assert set(bundle.metadata["idleness"]) == {"cpu_others", "gpu_others", "drift"}
    assert not ProfileRecords.load(folder / "one.records.json").accuracy


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_profile_of_a_busy_machine_is_told_of_where_it_is_used(unlabelled, is_busy, tmp_path):
    folder, _ = unlabelled
    content = json.loads((folder / "one.json").read_text(encoding="utf-8"))
    content["idleness"] = {"cpu_others": 0.6 * is_busy, "gpu_others": None, "drift": None}
    (tmp_path / "one.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "one.npz").write_bytes((folder / "one.npz").read_bytes())
    result = invoke(
        "run", folder / "images", "--space", folder / "tiny.yaml", "--profile",
        tmp_path / "one.json", "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert ("made on a busy machine (other programs took 60% of the CPU)" in result.stderr) is (
        is_busy
    )


def test_data_in_which_the_network_can_find_nothing(images, tmp_path):
    truth = ("--ground-truth", images / "truth.json")
    result = profile(images, tmp_path / "one.json", *truth)
    assert_one_sentence(result, "no class of one name", "ball", "zebra", "--class-map")
    assert not list(tmp_path.iterdir())
    # Named alike, but too few frames.
    named = (*truth, "--class-map", images / "map.yaml", "--plan-only")
    result = profile(images, tmp_path / "one.json", *named, "--frames", 16)
    assert_one_sentence(result, "the first 16 frames of 1 source have 1", "--frames (at least 64")
    result = profile(images, tmp_path / "one.json", *named)
    assert_one_sentence(result, "the frames of 1 source have 1: give more sources")
    assert not list(tmp_path.iterdir())


class Labelled(FrameSource):
    """Frames with one object each, of the class that is given, or with none."""

    name, fps, class_names, truth_name = "labelled", 30.0, ("ball", "zebra"), "labelled"

    def __init__(self, class_ids, ignored=False):
        self.frame_count, self._class_ids, self._ignored = len(class_ids), class_ids, ignored

    def __iter__(self):
        for index, class_id in enumerate(self._class_ids):
            ids = np.array([] if class_id is None else [class_id], np.int64)
            truth = GroundTruth(
                np.tile(np.float32([1, 1, 9, 9]), (len(ids), 1)), ids, ids,
                np.full(len(ids), self._ignored),
            )  # fmt: skip
            yield LabelledFrame(Frame(np.zeros((16, 16, 3), np.uint8), index, "", index), truth)


BALL, ZEBRA = 0, 1
LEARNER = learner_of("detection")


@pytest.mark.parametrize(
    ("sources", "frames", "count"),
    [
        ([Labelled([BALL] * 16)], 16, 1),
        ([Labelled([BALL] * 64)], 63, 3),
        ([Labelled([BALL] * 64)], 64, 4),
        ([Labelled([BALL] * 16)] * 4, 16, 4),
        ([Labelled([BALL] * 3)] * 4, 16, 4),
        ([Labelled([None] * 64)], 64, 0),
        ([Labelled([BALL] * 64, ignored=True)], 64, 0),
        ([Labelled([ZEBRA] * 63 + [BALL])], 64, 1),
        ([Labelled([None] * 48 + [BALL] * 16), Labelled([BALL] * 48)], 64, 4),
    ],
    ids=range(9),
)
def test_snippets_that_accuracy_is_learned_from(sources, frames, count):
    named = {str(index): source for index, source in enumerate(sources)}
    if count >= 4:
        assert enough_frames(LEARNER, named, frames, ("ball",), {}) == frames
        return
    words = rf"the first {frames} frames of {counted(len(sources), 'source')} have {count}:"
    with pytest.raises(ConfigurationError, match=words):
        enough_frames(LEARNER, named, frames, ("ball",), {})


@pytest.mark.parametrize(
    ("sources", "needed"),
    [
        ([Labelled([BALL] * 300)], 64),
        ([Labelled([BALL] * 70)] * 2, 32),
        ([Labelled([BALL] * 300)] * 9, 16),
        ([Labelled([None] * 48 + [BALL] * 64)], 112),
        ([Labelled([BALL] * 9), Labelled([BALL] * 60)], 48),
    ],
)
def test_frames_that_are_taken_where_none_are_asked_for(sources, needed):
    named = {str(index): source for index, source in enumerate(sources)}
    assert enough_frames(LEARNER, named, None, ("ball",), {}) == needed
    with pytest.raises(ConfigurationError, match="have 3: give more sources"):
        enough_frames(LEARNER, {"0": Labelled([BALL] * 63)}, None, ("ball",), {})


def test_classification_takes_more_where_there_is_more():
    learner, balls = learner_of("classification"), {"0": Labelled([BALL] * 150)}
    assert enough_frames(learner, balls, None, ("ball",), {}) == 150
    assert enough_frames(learner, balls, 140, ("ball",), {}) == 140
    assert enough_frames(learner, {**balls, "1": Labelled([BALL] * 1300)}, None, ("ball",), {}) == (
        learner.wanted_snippets - 150
    )
    with pytest.raises(ConfigurationError, match=r"learned from 140 frames or more .* have 139"):
        enough_frames(learner, balls, 139, ("ball",), {})


def test_a_single_source_is_enough_as_documented(images, tmp_path):
    result = invoke(
        "profile", "synthetic:calm:val:0", "--space", images / "tiny.yaml", "--plan-only", "--out",
        tmp_path / "one.json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "64 frames of 1 source" in result.stderr


def test_data_with_and_without_truth(images, tmp_path):
    result = profile(images, tmp_path / "one.json", "--data", "synthetic:calm:val:0")
    assert_one_sentence(result, "images has no ground truth", "synthetic:calm:val:0 has")


@pytest.mark.parametrize("name", ["one.npz", "one.records.json", "one.records.npz", "one.json"])
def test_files_of_others_are_left_alone(images, name, tmp_path):
    (tmp_path / name).write_text('{"mine": 1}', encoding="utf-8")
    assert_one_sentence(profile(images, tmp_path / "one.json"), f"{name} exists", "--overwrite")
    result = profile(images, tmp_path / "one.json", "--overwrite")
    assert_one_sentence(result, f"{name} is of no profile")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_records_that_an_interruption_left_may_be_replaced(unlabelled, tmp_path):
    folder, _ = unlabelled
    for ending in (".records.json", ".records.npz"):
        shutil.copy(folder / f"one{ending}", tmp_path)
    check_target(tmp_path / "one.json", overwrite=True)
    with pytest.raises(ConfigurationError, match=r"records\.json exists"):
        check_target(tmp_path / "one.json", overwrite=False)
    (tmp_path / "one.npz").touch()
    with pytest.raises(ConfigurationError, match=r"one\.npz is of no profile"):
        check_target(tmp_path / "one.json", overwrite=True)


def test_records_that_cannot_be_fitted_do_not_take_the_name(unlabelled, tmp_path, monkeypatch):
    folder, _ = unlabelled

    def fit(records):
        raise ConfigurationError("too few")

    records = ProfileRecords.load(folder / "one.records.json")
    monkeypatch.setattr("approx_perception.profiling.session.fit_profile", fit)
    monkeypatch.setattr("approx_perception.profiling.session.record_profile", lambda *_: records)
    with pytest.raises(ConfigurationError, match="too few"):
        profiler = SimpleNamespace(folder=tmp_path / "partial")
        ProfileSession(tmp_path / "one.json", profiler, [], {}).measure(lambda *_: None)
    assert not list(tmp_path.iterdir())


def test_two_profiles_of_one_name(images, tmp_path):
    with claimed(tmp_path / "one.json"):
        assert_one_sentence(profile(images, tmp_path / "one.json"), "another process is writing")


def rows(first_ms, last_ms, rounds=2):
    ms = [first_ms, first_ms, last_ms, last_ms, 100.0]
    return {
        "before": np.full(5, -1), "level": np.array([0, 0, 0, 0, 1]),
        "part": np.array([0, 1, 0, 1, 0]), "ms": np.array(ms),
        "round": np.array([0, 0, rounds - 1, rounds - 1, 0]),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("latency", "load", "words"),
    [
        (rows(10, 10), [[0, 0.02, np.nan], [0, 0.05, np.nan], [1, 0.9, np.nan]], ""),
        (rows(10, 10), [[0, 0.02, np.nan], [0, 0.5, np.nan]], "took 50% of the CPU"),
        (rows(10, 10), [[0, np.nan, 0.4], [0, 0.1, 0.2]], "took 40% of the GPU"),
        (rows(10, 15), [[0, 0.0, 0.0]], "changed by +50%"),
        (rows(10, 5), [[0, 0.0, 0.0]], "changed by -50%"),
        (rows(10, 50, rounds=1), [[0, 0.0, 0.0]], ""),
    ],
)
def test_what_speaks_against_an_idle_machine(latency, load, words):
    said = busy_sentence(idleness_of(latency, np.array(load)))
    assert words in said
    assert bool(words) == bool(said)
