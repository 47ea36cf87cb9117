"""All figures from the frames: few frames, several records, nothing known."""

import math

import numpy as np
import pytest

from approx_perception.metrics.figures import described_figures, figures_of
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.structures import SLA, SlaScope
from test.metrics.records import Row, found, record, truth

BOX, OTHER = [0, 0, 10, 10], [50, 50, 70, 70]
GOF = SLA(50.0, 0.95, SlaScope.GOF)


def test_every_figure_is_described_and_none_is_missing():
    described = described_figures(scoring_of("detection"))
    assert list(figures_of([record([Row(found([BOX]), truth([BOX]))])])) == list(described)
    assert all(described.values())


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_frames(count):
    figures = figures_of([record([Row(found([BOX], ids=[1]), truth([BOX]), ms=20.0)] * count)])
    assert figures["frames"] == count
    if not count:
        assert math.isnan(figures["ap50"])
        assert math.isnan(figures["p95_processing_ms"])
        assert math.isnan(figures["violation_share"])
        return
    assert figures["ap50"] == 1.0
    assert figures["mean_processing_ms"] == figures["p99_processing_ms"] == 20.0
    assert figures["violation_share"] == 0.0
    assert figures["steps"] == 0


def test_no_records_at_all():
    figures = figures_of([])
    assert figures["frames"] == 0
    assert math.isnan(figures["ap50"])


def test_percentiles_are_of_all_frames_together():
    fast = record([Row(ms=1.0)] * 99)
    slow = record([Row(ms=101.0)] * 1)
    together = figures_of([fast, slow])
    assert together["p95_processing_ms"] == 1.0
    means = [figures_of([own])["p95_processing_ms"] for own in (fast, slow)]
    assert np.mean(means) == 51.0


def test_accuracy_is_of_all_frames_together():
    # One hit of one object; a false positive that is more certain, and nine misses.
    first = record([Row(found([BOX], [0.5]), truth([BOX]))])
    second = record([Row(found([OTHER], [0.9]), truth([BOX]))] * 9)
    together = figures_of([first, second])["ap50"]
    assert together == pytest.approx(1 / 10 * 1 / 10)


def test_each_sla_counts_what_it_is_about():
    # A group of 90 and 5 ms: one frame of two is late, but not the group.
    rows = [Row(ms=90.0, sla=GOF), Row(ms=5.0, detected=False, sla=GOF)]
    figures = figures_of([record(rows)])
    assert figures["frame_violation_share"] == 0.5
    assert figures["gof_violation_share"] == 0.0
    assert figures["violation_share"] == 0.0
    rows = [Row(ms=90.0), Row(ms=5.0, detected=False)]
    assert figures_of([record(rows)])["violation_share"] == 0.5


def test_a_record_that_begins_inside_a_group():
    rows = [Row(ms=10.0, detected=False), Row(ms=30.0), Row(ms=10.0, detected=False)]
    figures = figures_of([record(rows)])
    assert figures["mean_gof_ms"] == pytest.approx(15.0)


def test_prediction_errors_and_coverage_by_hand():
    # Expected 10 and at most 12 ms; groups take 10, 20 and 8 ms.
    rows = [Row(ms=ms) for ms in (10.0, 20.0, 8.0)]
    figures = figures_of([record(rows)])
    assert figures["latency_error_median"] == pytest.approx(0.25)
    assert figures["quantile_coverage"] == pytest.approx(2 / 3)


def test_what_a_run_does_not_know_is_nan():
    rows = [Row(expected_ms=float("nan"))] * 3
    figures = figures_of([record(rows, has_stages=False)])
    for name in ("ap50", "sap50", "hota", "latency_error_median", "quantile_coverage",
                 "mean_detect_ms"):  # fmt: skip
        assert math.isnan(figures[name]), name


def test_classes_are_pooled_by_name():
    """Each bag numbers the names that it saw."""
    first = record([Row(found([BOX], ids=[1]), truth([BOX]))], ("car",))
    second = record(
        [Row(found([OTHER, BOX], ids=[1, 2], classes=[1, 0]),
             truth([OTHER, BOX], classes=[1, 0]))],
        ("bus", "car"),
    )  # fmt: skip
    third = record([Row(found([BOX], ids=[1]), truth([OTHER]))], ("bus",))
    figures = figures_of([first, second, third])
    # Both cars are found; of two buses one, and what is no bus is as certain.
    assert figures["ap50"] == figures_of([second, first, third])["ap50"]
    assert figures_of([first, second])["ap50"] == 1.0
    assert figures_of([first, second])["hota"] == pytest.approx(1.0)
    assert 0.5 < figures["ap50"] < 1


@pytest.mark.parametrize("ids", [[-1, -1], [3, -1]])
def test_truth_without_identities_has_no_identity_scores(ids):
    both = found([BOX, OTHER], ids=[1, 2])
    figures = figures_of([record([Row(both, truth([BOX, OTHER], ids))])])
    assert figures["ap50"] == 1.0
    for name in ("hota", "det_a", "ass_a", "idf1", "mota", "id_switches"):
        assert math.isnan(figures[name]), name
    ignored = truth([BOX, OTHER], [3, -1], ignored=[False, True])
    assert figures_of([record([Row(both, ignored)])])["hota"] == pytest.approx(1.0)
