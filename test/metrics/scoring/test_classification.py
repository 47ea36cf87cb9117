"""Top-1 and top-5 by hand, and records of classes."""

import math

import numpy as np
import pytest

from approx_perception.evaluation.result import comparison_table, result_of
from approx_perception.exceptions import DatasetError
from approx_perception.metrics.figures import described_figures, figures_of
from approx_perception.metrics.intervals import accuracy_intervals
from approx_perception.metrics.record_files import read_record, write_record
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.metrics.truth_use import accuracy_words
from approx_perception.structures import Classification, ImageComplexity
from test.metrics.records import Row, classes, record, truth

SCORING = scoring_of("classification")
NAMES = ("car", "bus", "cat", "dog", "hen", "pig", "sun")
SMALL, LARGE = [0, 0, 10, 10], [0, 0, 90, 90]
CAR, UNKNOWN = truth([LARGE]), None


def run(rows, names=NAMES, **metadata):
    return record(rows, names, task="classification", **metadata)


@pytest.fixture
def rows():
    return [
        Row(classes(0, 1, 2, 3, 4), CAR, content=ImageComplexity(category=0)),
        Row(classes(1, 2, 3, 4, 0), CAR, content=ImageComplexity(category=6)),
        Row(classes(1, 2, 3, 4, 5, 0), CAR, content=ImageComplexity(category=6)),
        # The largest object that is not ignored is the label.
        Row(classes(3), truth([SMALL, LARGE, SMALL], classes=[0, 1, 3], ignored=[0, 1, 1])),
        Row(classes(0), truth([LARGE], ignored=[True])),
        Row(classes(0), UNKNOWN),
        Row(Classification.empty(), CAR),
        Row(dropped=True, truth=CAR),
    ]


def test_figures_by_hand(rows):
    figures = figures_of([run(rows)])
    assert list(figures) == list(described_figures(SCORING))
    # Five frames have a label: one is the likeliest class, two are among the first five.
    assert (figures["top1"], figures["top5"]) == (1 / 5, 2 / 5)
    assert figures["top1_complexity_0"] == 1
    assert figures["top1_complexity_6"] == 0
    assert math.isnan(figures["top1_complexity_3"])
    assert figures["expected_top1"] == 0.5
    assert figures["drop_share"] == 1 / 8


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_frames(count, tmp_path):
    own = run([Row(classes(0), CAR)] * count)
    write_record(tmp_path, own)
    for each in (own, read_record(tmp_path)):
        top1 = figures_of([each])["top1"]
        assert top1 == 1 if count else math.isnan(top1)
    assert accuracy_words([own], figures_of([own])["top1"])[1] == (count > 0)


def test_what_went_in_comes_out(rows, tmp_path):
    both = Classification(
        np.array([[0, 1], [2, 3]]), np.array([[0.9, 0.1], [0.7, 0.2]], np.float32),
        np.array([SMALL, LARGE], np.float32), np.array([4, 5]),
    )  # fmt: skip
    write_record(tmp_path, run([*rows, Row(both, CAR)]))
    loaded = read_record(tmp_path)
    given, seen = loaded.output(8), both
    for name in ("class_ids", "scores", "regions", "track_ids"):
        np.testing.assert_array_equal(getattr(given, name), getattr(seen, name))
    assert loaded.output(1).class_ids.tolist() == [[1, 2, 3, 4, 0]]
    assert len(loaded.output(7)) == 0
    assert loaded.frames["complexity"][:3].tolist() == [0, 6, 6]
    assert figures_of([loaded])["top1"] == 2 / 6


def test_a_damaged_record(rows, tmp_path):
    own = run(rows[:2])
    own.found["ranks"][:2] = 0
    with pytest.raises(DatasetError, match="5 classes of 2 regions"):
        own.output(0)
    own.metadata["task"] = "juggling"
    write_record(tmp_path, own)
    with pytest.raises(DatasetError, match=r"juggling.; known are .detection. or .class"):
        read_record(tmp_path)


def test_classes_are_those_of_the_truth():
    """An answer that the truth does not know stays a wrong one, through pooling too."""
    is_car = truth([LARGE], classes=[1])
    first = run([Row(classes(1, 0), is_car)], ("car", "lorry"), truth_names=("bus", "car"))
    assert first.output(0).class_ids.tolist() == [[-1, 1]]
    second = run([Row(classes(0), CAR)], ("cat",))
    figures = figures_of([first, second])
    assert (figures["top1"], figures["top5"]) == (0.5, 1)


def test_newest_answer_in_time():
    rows = [
        Row(classes(0), CAR, delay_ms=150.0),
        Row(classes(1), truth([LARGE], classes=[1]), delay_ms=10.0),
        Row(classes(0), CAR, delay_ms=10.0),
    ]
    # When the third frame is taken, what is known is of the second.
    assert figures_of([run(rows)])["streaming_top1"] == 0


def test_intervals_draw_like_the_figure():
    rng = np.random.default_rng(0)
    often, seldom = (
        run([Row(classes(0 if hit else 1), CAR) for hit in rng.random(640) < share])
        for share in (0.9, 0.5)
    )
    values, (_, lead) = accuracy_intervals([[seldom], [often]])
    for interval, own in zip(values, (seldom, often), strict=True):
        assert interval.value == figures_of([own])["top1"]
        assert interval.low < interval.value < interval.high
    assert lead.low > 0.2
    matches = [0, -1, None, 1]
    draws = SCORING.mean_of_draws(matches, 2, np.array([[1, 1, 1, 1], [0, 0, 5, 0], [3, 1, 0, 0]]))
    np.testing.assert_array_equal(draws, [1 / 3, math.nan, 3 / 4])


def test_verdict_and_table_name_the_measure():
    own = [Row(classes(0), CAR)] * 140
    fixed = [Row(classes(i % 2), CAR) for i in range(140)]
    configuration = {"sla": {"latency_ms": 50.0, "quantile": 0.95, "scope": "frame"}}
    records = {
        name: [run(rows, system=name, configuration={"system": name, **configuration})]
        for name, rows in {"ours": own, "fixed": fixed}.items()
    }
    result = result_of(records, [], [])
    cost = result["systems"]["ours"]["verdict"]["cost"]
    assert cost == "top-1 1.000, 0.500 above the fixed branch inside the SLA (fixed: 0.500)"
    table = comparison_table(records, result)
    assert table.startswith("| system | top-1 (95 %) | difference to ours (+ is better) | top-5 |")
    assert result["systems"]["fixed"]["intervals"]["top1"]["value"] == 0.5
    wrong = run([Row(classes(1), CAR)])
    text, tells = accuracy_words([wrong], 0.0)
    assert not tells
    assert text == "top-1 0.000: no answer is the class in the ground truth; is it of these images?"
