"""Streaming accuracy, worked out by hand: frames come every 100 ms."""

import pytest

from approx_perception.metrics.figures import figures_of
from approx_perception.metrics.streaming import newest_output, streamed
from test.metrics.records import NOTHING, Row, found, record, truth

HERE, THERE = [0, 0, 10, 10], [50, 50, 60, 60]


def row(box, delay_ms, **values):
    return Row(found([box]), truth([box]), delay_ms=delay_ms, **values)


def test_the_newest_output_that_was_out():
    # Out at 150, 330 and 420 ms; frames are taken at 100, 200, 300 and 400 ms.
    made = record([row(HERE, 50), row(HERE, 130), row(HERE, 120), row(HERE, 500)])
    assert newest_output(made) == [None, 0, 0, 1]


def test_an_output_at_the_very_instant_counts():
    assert newest_output(record([row(HERE, 100), row(HERE, 100)])) == [None, 0]


def test_an_older_frame_that_comes_out_later_does_not_replace_a_newer_one():
    made = record([row(HERE, 250), row(HERE, 100), row(HERE, 100), row(HERE, 100)])
    assert newest_output(made) == [None, None, 1, 2]


def test_a_world_that_moves_on_is_missed():
    still = record([row(HERE, 10)] * 4)
    moving = record([row(box, 10) for box in (HERE, THERE, HERE, THERE)])
    # The first frame has no output yet: 3 of 4 are found.
    assert figures_of([still])["sap50"] == pytest.approx(0.75)
    assert figures_of([moving])["sap50"] == 0.0
    assert figures_of([moving])["ap50"] == 1.0


def test_dropped_frames_count():
    dropped = Row(NOTHING, truth([HERE]), dropped=True, delay_ms=0)
    pairs = list(streamed(record([row(HERE, 10), dropped, row(HERE, 10)])))
    assert [len(known) for known, _ in pairs] == [0, 1, 1]
    assert figures_of([record([row(HERE, 10), dropped])])["drop_share"] == 0.5


def test_nothing_and_one():
    assert newest_output(record([])) == []
    assert newest_output(record([row(HERE, 10)])) == [None]


def test_a_forecast_is_scored_where_its_boxes_are_when_it_is_out():
    # 6 px a frame: one frame late half the IoU is gone, carried over 90 of 100 ms hardly any.
    boxes = [[6 * k, 0, 6 * k + 12, 10] for k in range(12)]
    made = record([
        Row(found([box], ids=[1]), truth([box]), delay_ms=90) for box in boxes
    ])  # fmt: skip
    figures = figures_of([made])
    assert figures["sap50"] == 0.0
    # Nothing is out for the first frame, and nothing is known of motion for the second: 10 of 12
    # are found, with one box that is wrong.
    assert figures["sap50_forecast"] == pytest.approx(10 / 12 * 10 / 11)


def test_a_forecast_needs_identities():
    made = record([row(HERE, 10)] * 4, has_identities=False)
    assert figures_of([made])["sap50"] == pytest.approx(0.75)
    assert figures_of([made])["sap50_forecast"] != figures_of([made])["sap50_forecast"]
