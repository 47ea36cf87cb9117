"""Accuracy made of content by a known rule; the fit must find it on sources left out."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import loss_by_size
from approx_perception.exceptions import ConfigurationError
from approx_perception.profiling import fit_accuracy as fitting
from approx_perception.structures import ContentFeatures

#: Detected, and tracked.
BRANCHES = 2
SHAPES = np.array([320.0, 320.0])


def fit_accuracy(records, shapes, alike=None):
    """Branches differ in more than shape, unless it is said otherwise."""
    own = np.arange(len(shapes)) if alike is None else np.asarray(alike)
    return fitting.fit_accuracy(records, shapes, own)


def make_records(sources=12, snippets=3, seed=0):
    rng = np.random.default_rng(seed)
    count = sources * snippets
    features = np.stack(
        [rng.uniform(1, 20, count), rng.uniform(0.05, 0.3, count), rng.uniform(0, 0.3, count)],
        axis=1,
    )  # fmt: skip
    detected = 0.9 - 0.5 * np.exp(-features[:, 1] / 0.1)
    tracked = detected - 1.5 * features[:, 2]
    ap50 = np.clip(np.stack([detected, tracked], axis=1), 0, 1)
    ap50 += 0.01 * rng.standard_normal(ap50.shape)
    return {
        "source": np.repeat(np.arange(sources), snippets),
        "start": np.tile(np.arange(snippets), sources),
        "ap50": ap50, "features": features[:, None] * np.ones((1, 2, 1)),
    }  # fmt: skip


def loss_with_speed(model, count, slow, fast):
    """AP50 that each branch is predicted to lose when its objects get faster."""
    at_slow, at_fast = (
        model.predict(ContentFeatures(confident_count=count, small_size=0.1, relative_speed=speed))
        for speed in (slow, fast)
    )
    return at_slow - at_fast


def test_content_is_learned():
    fit = fit_accuracy(make_records(), SHAPES)
    assert fit.errors["objects"] < 0.5 * fit.errors["mean"]
    slow = ContentFeatures(confident_count=5, small_size=0.2, relative_speed=0.0)
    fast = ContentFeatures(confident_count=5, small_size=0.2, relative_speed=0.3)
    loss = fit.model.predict(slow) - fit.model.predict(fast)
    assert loss[1] > 0.25
    assert abs(loss[0]) < 0.1
    assert fit.model.agnostic.shape == (BRANCHES,)


def test_what_was_chosen_is_said_with_its_reason():
    fit = fit_accuracy(make_records(), SHAPES)
    assert fit.chosen == "objects"
    assert f"{fit.errors['objects']:.3f} by the objects in view" in fit.words()
    assert "decisions go by the objects in view, the simplest within one" in fit.words()


def test_records_of_before_that_have_more_features_are_fitted_alike():
    records = make_records()
    more = np.concatenate([records["features"], np.full((36, 2, 2), 0.3)], axis=2)
    errors = fit_accuracy(records | {"features": more}, SHAPES).errors
    assert errors == fit_accuracy(records, SHAPES).errors


def test_one_source_is_halved():
    fit = fit_accuracy(make_records(sources=1, snippets=12), SHAPES)
    assert np.isfinite(fit.errors["objects"])


def test_snippets_without_objects_are_left_out():
    records = make_records()
    records["ap50"][::3] = np.nan
    assert np.isfinite(fit_accuracy(records, SHAPES).errors["objects"])


def test_too_little_is_said():
    records = make_records()
    records["ap50"][3:] = np.nan
    with pytest.raises(ConfigurationError, match="measured on 3 snippets"):
        fit_accuracy(records, SHAPES)


def test_what_all_branches_of_a_video_share_does_not_hide_what_tells_them_apart():
    # Of three videos one is hard and one easy for every branch, whatever their content.
    records = make_records(sources=3, snippets=6)
    level = np.array([-0.35, 0.0, 0.35])[records["source"]][:, None]
    loss = 1.5 * records["features"][:, 0, 2:3] * [0.0, 1.0]
    records["ap50"] = np.clip(0.6 + level - loss, 0, 1)
    # As if each were recognised by its objects' sizes, in an order that tells nothing.
    records["features"][:, :, 1] = np.array([0.2, 0.1, 0.3])[records["source"]][:, None]
    model = fit_accuracy(records, SHAPES).model
    loss = loss_with_speed(model, 9, 0.02, 0.25)
    assert loss[1] - loss[0] > 0.15


def snippets_of(videos):
    """Two of each video, slow and fast; the second branch loses 0.3 when it is fast."""
    features = np.zeros((2, 1, 3))
    features[:, 0] = [[5, 0.1, 0.05], [5, 0.1, 0.2]]
    return {
        "source": np.arange(2 * videos) // 2, "start": np.tile([0, 16], videos),

        "ap50": np.tile([[0.8, 0.8], [0.8, 0.5]], (videos, 1)),
        "features": np.tile(features, (videos, 1, 1)),
    }  # fmt: skip


def loss_by_speed(videos):
    """What is predicted to be lost with speed, where each video shows the same loss of 0.3."""
    model = fit_accuracy(snippets_of(videos), SHAPES).model
    return loss_with_speed(model, 5, 0.05, 0.2)[1]


def test_few_sources_tell_little_of_content_and_many_all():
    few, some, many = (loss_by_speed(videos) for videos in (2, 5, 50))
    assert few < 0.23 < some < 0.27 < many
    assert many == pytest.approx(0.3, abs=0.01)


def by_size_in_input(sizes, shapes):
    """AP50 that is 0.5 where objects have 20 px in the network's input, and more the larger."""
    return 1 / (1 + (20 / (np.asarray(sizes)[..., None] * shapes)) ** 2)


def test_objects_half_as_large_are_like_a_shape_half_as_large():
    shapes = np.array([80.0, 160.0, 320.0, 640.0])
    records = snippets_of(30)
    sizes = np.tile([0.06, 0.12], 30)
    records["features"][..., 1], records["features"][..., 2] = sizes[:, None], 0.1
    records["ap50"] = by_size_in_input(sizes, shapes)
    model = fit_accuracy(records, shapes).model
    near, far = (
        model.predict(ContentFeatures(confident_count=5, small_size=size, relative_speed=0.1))
        for size in (0.12, 0.06)
    )
    truth = by_size_in_input([0.12, 0.06], shapes)
    np.testing.assert_allclose(near - far, truth[0] - truth[1], atol=0.01)


def test_one_or_two_sources_are_drawn_to_what_any_network_loses_on_small_objects():
    """Both show that a smaller shape is better; one more would have to show it, too."""
    shapes = np.array([160.0, 320.0])
    records = make_records(sources=2)
    records["features"][..., 1] = 0.1
    records["ap50"] = np.tile([0.9, 0.8], (len(records["source"]), 1))
    model = fit_accuracy(records, shapes, [0, 0]).model
    objects = {"confident_count": 5, "relative_speed": 0.1}
    near, far = (model.predict(ContentFeatures(small_size=s, **objects)) for s in (0.25, 0.02))
    assert near[0] > near[1]
    assert far[0] < far[1]


def test_a_larger_shape_is_not_better_where_objects_are_large_enough_already():
    loss = loss_by_size(np.array([0.05, 0.5]), np.array([160.0, 320.0, 640.0]))
    np.testing.assert_allclose(loss[1], 0.0)
    assert loss[0, 0] < loss[0, 1] < loss[0, 2] == 0.0


def test_what_is_expected_of_known_sources_is_on_average_what_came():
    records = make_records(sources=2)
    model = fit_accuracy(records, SHAPES).model
    expected = [
        model.predict(ContentFeatures(confident_count=c, small_size=s, relative_speed=v))
        for c, s, v in records["features"][:, 0]
    ]
    assert np.mean(expected) == pytest.approx(records["ap50"].mean(), abs=0.02)
