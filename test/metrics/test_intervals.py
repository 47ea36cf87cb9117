import math
from dataclasses import replace

import numpy as np
import pytest

from approx_perception.metrics.intervals import accuracy_intervals, quantile_interval
from approx_perception.metrics.shared_images import shared_images
from test.metrics.records import NOTHING, Row, found, record, truth

BOX, AWAY = [0, 0, 10, 10], [90, 90, 99, 99]


def run(hit_share, count=640, seed=0):
    hits = np.random.default_rng(seed).random(count) < hit_share
    return [record([Row(found([BOX if hit else AWAY], [0.5]), truth([BOX])) for hit in hits])]


def test_an_interval_holds_its_value_and_narrows_with_frames():
    (few,), _ = accuracy_intervals([run(0.7, 160)])
    (many,), _ = accuracy_intervals([run(0.7, 3200)])
    for interval in (few, many):
        assert interval.low <= interval.value <= interval.high
    assert many.high - many.low < few.high - few.low


def test_a_clear_lead_is_certain_and_none_is_not():
    _, (zero, better, same) = accuracy_intervals([run(0.5), run(0.9), run(0.5, seed=1)])
    assert (zero.low, zero.value, zero.high) == (0, 0, 0)
    assert better.low > 0
    assert same.low < 0 < same.high


def sources(hits_of_each):
    """A record of each source, with as many of its 320 frames right as told."""
    return [
        record(
            [Row(found([BOX if i % 10 < hits else AWAY], [0.5]), truth([BOX]), ms=float(hits))
             for i in range(320)],
            source=f"source{number}",
        )
        for number, hits in enumerate(hits_of_each)
    ]  # fmt: skip


def test_repetitions_are_no_new_data():
    rows = [Row(found([BOX], [0.9]) if i % 7 else NOTHING, truth([BOX]), ms=i) for i in range(320)]
    once = [record(rows)]
    thrice = once * 3
    assert accuracy_intervals([thrice])[0] == accuracy_intervals([once])[0]
    latencies = quantile_interval(thrice, "processing_ms", 0.95)
    alone = quantile_interval(once, "processing_ms", 0.95)
    assert (latencies.low, latencies.high) == pytest.approx((alone.low, alone.high), abs=1)


def test_copies_of_a_source_are_no_new_data():
    rows = [Row(found([BOX], [0.9]) if i % 7 else NOTHING, truth([BOX]), ms=i) for i in range(320)]
    once = record(rows, source="a")
    copies = [record(rows, source=name, images=("a", 0)) for name in ("a_2", "link")]
    assert accuracy_intervals([[once, *copies]]) == accuracy_intervals([[once]])
    others = [record(rows, source=name) for name in ("b", "c")]
    assert accuracy_intervals([[once, *others]]) != accuracy_intervals([[once]])


def test_sources_that_share_images_are_told():
    rows = [Row()] * 100
    a, copy = record(rows, source="a"), record(rows, source="copy", images=("a", 0))
    assert shared_images([a, a, record(rows, source="b")]) == []
    assert shared_images([a, copy]) == [
        "copy has the images of a: intervals take both for one source"
    ]
    part = record(rows[:30], source="part", images=("a", 90))
    (told,) = shared_images([a, part])
    assert told.startswith("10 images of part are in a too: ")
    for column in (a.frames, copy.frames):
        column["image_hash"] = np.zeros(100, np.int64)
    assert shared_images([a, copy]) == []


def test_sources_are_drawn_too():
    """Better by far on one and worse on the other: nothing is certain of a third."""
    ours, theirs = sources([9, 5]), sources([5, 6])
    (_, lead) = accuracy_intervals([theirs, ours])[1]
    assert lead.low < 0 < lead.value < lead.high
    interval = quantile_interval(ours, "processing_ms", 0.5)
    assert (interval.low, interval.high) == (5.0, 9.0)


def test_systems_that_dropped_frames_are_judged_on_the_same_blocks():
    rows = [Row(found([BOX if i < 96 else AWAY], [0.5]), truth([BOX])) for i in range(192)]
    dropped = [replace(row, dropped=i % 2 == 1) for i, row in enumerate(rows)]
    every, (_, lead) = accuracy_intervals([[record(rows)], [record(dropped)]])
    assert every[0].high - every[0].low > 0.2
    assert abs(lead.low) < 0.02 > abs(lead.high)


def test_classes_of_sources_are_pooled_by_name():
    cars = record([Row(found([BOX], [0.5]), truth([BOX]))] * 64, ("car",), source="a")
    dogs = record([Row(found([BOX], [0.5]), truth([AWAY]))] * 64, ("dog",), source="b")
    (value,), _ = accuracy_intervals([[cars, dogs]])
    assert value.value == 0.5


def test_nothing_is_nan():
    (value,), (lead,) = accuracy_intervals([[record([])]])
    assert math.isnan(value.value)
    assert math.isnan(lead.low)
    assert math.isnan(quantile_interval([record([])], "processing_ms", 0.95).value)


HIT, MISS = (Row(found([box], [0.5]), truth([BOX]), ms=7.0) for box in (BOX, AWAY))


@pytest.mark.parametrize(
    "rows",
    [
        [HIT, MISS] * 12,
        [HIT, MISS] * 48,
        # Frames that were dropped, or have no truth, tell nothing.
        [HIT, MISS] * 12 + [replace(HIT, dropped=True, truth=None)] * 296,
    ],
)
def test_few_frames_make_nothing_certain(rows):
    worse = [replace(row, found=NOTHING) for row in rows]
    values, (_, lead) = accuracy_intervals([[record(worse)], [record(rows)]])
    for interval in (*values, lead, quantile_interval([record(rows)], "processing_ms", 0.95)):
        assert not math.isnan(interval.value)
        assert math.isnan(interval.low) and math.isnan(interval.high)
        assert interval.text(".3f").endswith(f"{interval.value:.3f} (too few frames to tell)")


def test_enough_frames_have_an_interval():
    interval = quantile_interval([record([Row(ms=7.0)] * 128)], "processing_ms", 0.95)
    assert (interval.low, interval.value, interval.high) == (7.0, 7.0, 7.0)
    assert interval.text(".1f", " ms") == "7.0 ms (7.0 to 7.0)"
