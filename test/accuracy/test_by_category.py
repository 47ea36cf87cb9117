"""Top-1 by complexity: few frames count little, and what a table may hold."""

import json

import numpy as np
import pytest

from approx_perception.accuracy._base import RANKS_BELOW
from approx_perception.accuracy.by_category import CategoryAccuracy, known_by_category
from approx_perception.branches import ClassifierSpace
from approx_perception.exceptions import ConfigurationError
from approx_perception.structures import Content, ImageComplexity

SPACE = ClassifierSpace("two", [(96, 1), (96, 3), (160, 3)])
FRAMES = [980, 20, 0, 0, 0, 0, 0]


def means(*of_categories):
    table = np.full((7, 3), np.nan)
    table[: len(of_categories)] = of_categories
    return table


def test_few_frames_of_a_category_count_little():
    accuracy = CategoryAccuracy.of_frames(means([1.0, 1.0, 1.0], [0.0, 0.5, 1.0]), FRAMES)
    np.testing.assert_allclose(accuracy.agnostic, [0.98, 0.99, 1.0])
    # Twenty frames count as much as the mean of all, and no frame is the mean.
    hard = accuracy.predict(ImageComplexity(category=1))
    np.testing.assert_allclose(hard, [0.49, 0.745, 1.0])
    unseen = accuracy.predict(ImageComplexity(category=6))
    np.testing.assert_allclose(unseen, accuracy.agnostic)
    for unknown in (ImageComplexity(), Content(is_known=False)):
        assert accuracy.predict(unknown) is accuracy.agnostic
    with pytest.raises(ValueError, match=r"shape \(6, 3\)"):
        CategoryAccuracy(accuracy.agnostic, accuracy.by_category[:6])


def table_of(tmp_path, **changes):
    content = {
        "origin": "made up", "task": "classification", "frames": FRAMES,
        "top1": {"shape=96,exit=1": [0.9, 0.1, *[None] * 5],
                 "shape=160,exit=3": [0.9, 0.8, *[None] * 5]},
    } | changes  # fmt: skip
    path = tmp_path / "net.accuracy.json"
    path.write_text(json.dumps(content))
    return path


def test_what_ships_with_weights(tmp_path):
    predictor, agnostic = known_by_category(SPACE, table_of(tmp_path))
    easy, hard = (predictor.predict(ImageComplexity(category=c)) for c in (0, 1))
    assert easy[0] == pytest.approx(easy[2], abs=0.01)
    assert hard[2] - hard[0] > 0.3
    # One that was not measured is as good as the nearest one.
    assert (hard[1], agnostic[1]) == (hard[2], agnostic[2])


@pytest.mark.parametrize(
    "changes",
    [
        {"top1": {}},
        {"top1": {"shape=96,exit=1": [0.9]}},
        {"top1": {"shape=96,exit=1": [1.2] * 7}},
        {"top1": {"shape=96,exit=1": [None] * 7}},
        {"top1": {"shape=96,exit=1": ["much"] * 7}},
        {"top1": {"depth=3": [0.5] * 7}},
        {"top1": [0.5] * 7},
        {"frames": [1, 2]},
        {"frames": [0] * 7},
        {"frames": None},
    ],
)
def test_what_is_no_table(tmp_path, changes):
    with pytest.raises(ConfigurationError, match=r"accuracy\.json is no table of top-1"):
        known_by_category(SPACE, table_of(tmp_path, **changes))


def test_nothing_is_known():
    predictor, ranks = known_by_category(SPACE, None)
    assert (np.diff(ranks) > 0).all()
    assert (ranks < RANKS_BELOW).all()
    assert predictor.predict(ImageComplexity(category=3)) is ranks
