"""What is written is read, and nothing else is."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from approx_perception.assembly import load_space
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.branches import Branch, BranchSpace, ClassifierSpace, TrackerSettings
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import read_columns, write_columns
from approx_perception.structures import ContentFeatures
from approx_perception.testing.fakes import small_space
from approx_perception.testing.models import small_accuracy_model, small_latency_model

SPACE = small_space()


def bundle(**changes):
    metadata = {
        "space": SPACE.to_dict(), "space_hash": SPACE.hash, "network": "net", "machine": "here",
    }  # fmt: skip
    parts = {"accuracy": small_accuracy_model(), "latency": small_latency_model()}
    return PredictorBundle(metadata, **{**parts, **changes})


@pytest.fixture
def path(tmp_path):
    bundle().save(tmp_path / "one.json")
    return tmp_path / "one.json"


def test_round_trip(path):
    again, first = PredictorBundle.load(path), bundle()
    content = ContentFeatures(object_count=3, confident_count=3.0, relative_speed=0.2)
    np.testing.assert_array_equal(again.latency.base, first.latency.base)
    np.testing.assert_array_equal(again.accuracy.predict(content), first.accuracy.predict(content))
    assert again.latency.is_profiled is True
    assert again.metadata == first.metadata


def test_a_profile_of_an_older_version_is_refused(path):
    arrays = read_columns(path.with_suffix(".npz"))
    arrays["latency.detection_scores"] = arrays.pop("latency.residuals")
    write_columns(path.with_suffix(".npz"), arrays)
    metadata = json.loads(path.read_text())
    digest = hashlib.sha256(path.with_suffix(".npz").read_bytes()).hexdigest()
    path.write_text(json.dumps(metadata | {"numbers_sha256": digest}))
    with pytest.raises(ConfigurationError, match="older version; make a new one with approx-perc"):
        PredictorBundle.load(path)


def test_latency_may_be_left_out(tmp_path):
    bundle(latency=None).save(tmp_path / "shipped.json")
    again = PredictorBundle.load(tmp_path / "shipped.json")
    assert again.latency is None
    again.check(SPACE, "net", "any machine")


def test_what_ships_fits_the_network_that_ships(root):
    weights = root / "approx_perception" / "weights" / "faster_rcnn_compact_synthetic.onnx"
    shipped = PredictorBundle.load(weights.with_suffix(".predictors.json"))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    space = load_space("", "faster_rcnn")
    shipped.check(space, f"faster_rcnn {digest}", "any machine")
    assert shipped.latency is None
    calm = ContentFeatures(confident_count=3, small_size=0.2, relative_speed=0.01)
    swarm = ContentFeatures(confident_count=25, small_size=0.045, relative_speed=0.06)
    smallest, largest = space.index(Branch(160, 20)), space.index(Branch(576, 100))
    easy, hard = shipped.accuracy.predict(calm), shipped.accuracy.predict(swarm)
    assert easy[smallest] > 0.85
    assert hard[largest] > hard[smallest] + 0.3


def test_fits_what_it_was_made_for(path):
    PredictorBundle.load(path).check(SPACE, "net", "here")


OTHER = BranchSpace("other", [160, 320], [], [1, 8], [TrackerSettings("median_flow", 1)])


@pytest.mark.parametrize(
    ("space", "network", "machine", "words"),
    [
        (OTHER, "net", "here", "another branch space"),
        (
            ClassifierSpace("exits", [(96, 1)]),
            "net",
            "here",
            "another task: it was made for 'detection', but here runs 'classification'",
        ),
        (
            SPACE,
            "other net",
            "here",
            "another network: it was made for 'net', but here runs 'other net'",
        ),
        (SPACE, "net", "there", "another machine: it was made for 'here', but here runs 'there'"),
    ],
)
def test_refused_for_anything_else(path, space, network, machine, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        PredictorBundle.load(path).check(space, network, machine)
    assert "approx-perception profile" in str(caught.value)


def test_a_profile_of_another_space_names_both(path):
    with pytest.raises(ConfigurationError) as caught:
        PredictorBundle.load(path).check(OTHER, "net", "here")
    text = str(caught.value)
    assert f"it was made for {SPACE.name!r} ({SPACE.describe()})" in text
    assert f"but here runs 'other' ({OTHER.describe()})" in text


def test_missing(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read the profile"):
        PredictorBundle.load(tmp_path / "nothing.json")


@pytest.mark.parametrize("text", ["", "{", "[1]", '"text"', json.dumps({"format": "diary"})])
def test_foreign_json(path, text):
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="approx-perception profile"):
        PredictorBundle.load(path)


def test_numbers_of_another_profile(path, tmp_path):
    changed = small_latency_model()
    changed.base[0, 0] = 99.0
    bundle(latency=changed).save(tmp_path / "two.json")
    shutil.copy(tmp_path / "two.npz", path.with_suffix(".npz"))
    with pytest.raises(ConfigurationError, match="damaged or of another profile"):
        PredictorBundle.load(path)


def test_cut_short(path):
    numbers = path.with_suffix(".npz")
    numbers.write_bytes(numbers.read_bytes()[:-50])
    with pytest.raises(ConfigurationError, match="damaged"):
        PredictorBundle.load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(tmp_path, value):
    broken = small_latency_model()
    broken.base[1, 0] = value
    bundle(latency=broken).save(tmp_path / "one.json")
    with pytest.raises(ConfigurationError, match=r"latency\.base holds values that are not"):
        PredictorBundle.load(tmp_path / "one.json")
    broken = small_accuracy_model()
    broken.agnostic[1] = value
    bundle(accuracy=broken).save(tmp_path / "two.json")
    with pytest.raises(ConfigurationError, match=r"accuracy\.agnostic holds values that are not"):
        PredictorBundle.load(tmp_path / "two.json")


@pytest.mark.parametrize("size", [[0.0, 480.0], [640.0]])
def test_profiled_images_of_no_size(tmp_path, size):
    broken = replace(small_latency_model(), profiled_size=np.array(size))
    bundle(latency=broken).save(tmp_path / "one.json")
    with pytest.raises(ConfigurationError, match=r"latency\.profiled_size"):
        PredictorBundle.load(tmp_path / "one.json")


def test_shapes_that_do_not_fit_the_space(tmp_path):
    wrong = bundle()
    wrong.metadata["space"] = OTHER.to_dict() | {"shape": [160, 224, 320]}
    wrong.save(tmp_path / "one.json")
    with pytest.raises(ConfigurationError, match="is not whole"):
        PredictorBundle.load(tmp_path / "one.json")


def test_a_failed_save_leaves_the_old_one(path, monkeypatch):
    before = path.with_suffix(".npz").read_bytes()

    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        bundle().save(path)
    assert path.with_suffix(".npz").read_bytes() == before
    PredictorBundle.load(path)
