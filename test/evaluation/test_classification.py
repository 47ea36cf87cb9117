"""Classification from source to result: real clips and network, on a made-up machine."""

import json

import numpy as np
import pytest
import yaml

from approx_perception.assembly import KernelOptions
from approx_perception.branches import ClassifierSpace
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.evaluation.evaluate import conclude
from approx_perception.evaluation.metadata import save_record
from approx_perception.evaluation.report import read_results
from approx_perception.evaluation.run import run_systems
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.evaluation.systems import RecordedMachine
from approx_perception.exceptions import ConfigurationError
from approx_perception.latency.records import ProfileRecords
from approx_perception.structures import SLA
from test.metrics.records import Row, record

#: And what each takes on the idle machine, in ms; contention doubles that.
PAIRS, PART_MS = [(80, 1), (224, 6)], (2.0, 20.0)
FRAMES = 40
WHOLE_CORE = {"cpu_cores": 1, "cpu_share": 1.0, "memory_mb_s": 0.0, "gpu_share": 0.0}


def machine():
    rng = np.random.default_rng(0)
    rows = [
        (part, -1, level, turn, 640, 480, count,
         ms * count * (level + 1) * np.exp(0.02 * rng.standard_normal()))
        for level in (0, 1) for part, ms in enumerate(PART_MS)
        for turn in range(10) for count in (1, 4)
    ]  # fmt: skip
    names = ("part", "before", "level", "round", "image_width", "image_height", "region_count",
             "ms")  # fmt: skip
    columns = dict(zip(names, np.array(rows, float).T, strict=True))
    amounts = {"cpu_share": 1.0, "memory_mb_s": 0.0, "gpu_share": 0.0, "gpu_others": None}
    levels = [{"cpu_cores": cores, "cpu_others": 0.5 * cores, **amounts} for cores in (0, 1)]
    space = ClassifierSpace("two", PAIRS).to_dict()
    return RecordedMachine(
        ProfileRecords({"precision": "float32", "space": space, "levels": levels}, columns, {})
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    (folder / "two.yaml").write_text(yaml.safe_dump(ClassifierSpace("two", PAIRS).to_dict()))
    options = KernelOptions(
        task="classification", space=str(folder / "two.yaml"), sla=SLA(30.0), num_threads=1
    )
    policies = ("most_accurate", "fixed:shape=80,exit=1", "best_fixed", "oracle")
    specs = [SystemSpec.read(policy, options) for policy in policies]
    busy = Scenario(contention_steps={FRAMES // 2: WHOLE_CORE})
    source = SourceOptions("synthetic:object_hard", frames=FRAMES)
    return run_systems(specs, source, busy, machine())


def test_latency_follows_contention_and_complexity_is_recorded(records):
    adaptive, *_ = records
    assert adaptive.metadata["task"] == "classification"
    names = np.array(adaptive.metadata["branches"])[adaptive.frames["branch"]]
    assert set(names[5 : FRAMES // 2]) == {"shape=224,exit=6"}
    assert set(names[-10:]) == {"shape=80,exit=1"}
    assert set(adaptive.frames["complexity"].tolist()) <= set(range(7))
    assert adaptive.frames["classify_ms"][-1] == pytest.approx(4.0, rel=0.1)


def test_what_is_recorded_is_judged_by_the_label(records):
    fixed = records[1]
    video = SyntheticVideo("object_hard", "test", 0, FRAMES)
    labels = [entry.ground_truth.label for entry in video]
    right = [
        fixed.class_names[fixed.output(i).class_ids[0, 0]] == video.class_names[label]
        for i, label in enumerate(labels)
    ]
    assert fixed.scoring.mean(fixed.matches(), 0) == np.mean(right)


def test_a_result_is_made_with_what_hindsight_would_do(records, tmp_path):
    places = [save_record(tmp_path, record) for record in records]
    done = conclude([(places, "")], Scenario(), tmp_path, compares=True)
    systems = json.loads((tmp_path / "result.json").read_text())["systems"]
    top1 = {name: own["figures"]["top1"] for name, own in systems.items()}
    # The adaptive one may be late, and so better, where the machine is suddenly busy.
    assert top1["oracle"] >= top1["best_fixed"] == top1["fixed:shape=80,exit=1"]
    assert systems["oracle"]["figures"]["violation_share"] == 0
    assert systems["most_accurate"]["verdict"]["cost"].startswith("top-1 ")
    assert "the best fixed branch (best_fixed: " in systems["most_accurate"]["verdict"]["cost"]
    assert "| behind oracle |" in done.table
    assert not done.failures


def test_a_page_is_of_one_task(records, tmp_path):
    folders = [tmp_path / name for name in ("classes", "objects")]
    objects = record([Row()], system="detector", source="other")
    for folder, own in zip(folders, (records[0], objects), strict=True):
        conclude([([save_record(folder, own)], "")], Scenario(), folder)
    with pytest.raises(ConfigurationError, match="objects is of another task"):
        read_results(folders)
    assert read_results(folders[:1]).systems
