"""Top-1 made of complexity by a known rule; the fit must find it on sources left out."""

import numpy as np
import pytest

from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.branches import ClassifierSpace
from approx_perception.classifiers import (
    DEFAULT_CLASSIFIER,
    ClassifierOptions,
    load_classifier,
)
from approx_perception.clock import FakeClock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.classification import ClassificationKernel
from approx_perception.profiling.learners.by_task import learner_of
from approx_perception.profiling.plan import ProfilePlan
from approx_perception.profiling.profiler import Profiler, join_units
from approx_perception.structures import ImageComplexity

SPACE = ClassifierSpace("two", [(96, 1), (160, 3)])
LEARNER = learner_of("classification")
#: Of the shallow branch and the deep one, in each category.
RIGHT = np.stack([np.linspace(1.0, 0.3, 7), np.full(7, 0.95)], axis=1)


def records_of(frames, sources, seed=0):
    rng = np.random.default_rng(seed)
    categories = rng.integers(0, 7, frames)
    return {
        "source": np.arange(frames) * sources // frames, "start": np.arange(frames),
        "top1": (rng.random((frames, 2)) < RIGHT[categories]).astype(float),
        "features": np.repeat(categories[:, None, None], 2, axis=1).astype(float),
    }  # fmt: skip


def test_complexity_is_learned_and_kept(tmp_path):
    fit = LEARNER.fit(records_of(7000, 10), SPACE)
    np.testing.assert_allclose(fit.model.by_category, RIGHT, atol=0.05)
    np.testing.assert_allclose(fit.model.agnostic, RIGHT.mean(axis=0), atol=0.02)
    assert fit.model.errors.shape == (10, 2)
    assert fit.errors["complexity"] < 0.5 * fit.errors["agnostic"]
    assert "more and different" not in fit.words()
    metadata = {"space": SPACE.to_dict(), "space_hash": SPACE.hash}
    PredictorBundle(metadata, fit.model).save(tmp_path / "one.json")
    again = PredictorBundle.load(tmp_path / "one.json").accuracy
    for content in (ImageComplexity(), ImageComplexity(category=5)):
        np.testing.assert_array_equal(again.predict(content), fit.model.predict(content))
    wrong = {**metadata, "space": ClassifierSpace("one", [(96, 1)]).to_dict()}
    PredictorBundle(wrong, fit.model).save(tmp_path / "two.json")
    with pytest.raises(ConfigurationError, match="is not whole"):
        PredictorBundle.load(tmp_path / "two.json")


def test_one_source_is_halved_and_content_that_tells_nothing_is_told():
    records = records_of(200, 1)
    records["top1"][:] = [1.0, 0.0]
    fit = LEARNER.fit(records, SPACE)
    assert fit.errors == {"agnostic": 0.0, "complexity": 0.0}
    assert "more and different sources" in fit.words()


@pytest.mark.parametrize("count", [0, 1, 139])
def test_too_few_frames(count):
    records = records_of(300, 3)
    records["features"][count:] = -1
    with pytest.raises(ConfigurationError, match=f"measured on {count} labelled frames"):
        LEARNER.fit(records, SPACE)


def test_clips_are_profiled_frame_by_frame(tmp_path):
    """With the network that ships: what its branches get right is what is recorded."""
    classifier = load_classifier(DEFAULT_CLASSIFIER, ClassifierOptions(num_threads=1))
    kernel = ClassificationKernel(classifier, ClassifierSpace("two", [(80, 1), (224, 6)]))
    frames = {f"object_{name}": 75 for name in ("easy", "hard")}
    sources = {name: SyntheticVideo(name, "val", 0, count) for name, count in frames.items()}
    profiler = Profiler(kernel, sources, 75, ProfilePlan([]), tmp_path, FakeClock())
    records = join_units(profiler.measure_accuracy(lambda *_: None))
    assert records["top1"].shape == (150, 2)
    assert set(np.unique(records["top1"])) <= {0.0, 1.0}
    categories = records["features"][:, 0, 0]
    assert categories[:75].mean() < categories[75:].mean()
    model = LEARNER.fit(records, kernel.space).model
    np.testing.assert_allclose(model.agnostic, records["top1"].mean(axis=0))
    # A deep branch is worth it where an image is hard.
    assert model.by_category[6, 1] > model.by_category[6, 0]
