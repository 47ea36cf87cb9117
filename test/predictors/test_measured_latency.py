from dataclasses import replace

import numpy as np
import pytest

from approx_perception.predictors import (
    LatencyMeasurements,
    MeasuredLatency,
    TrackerMeasurements,
)
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    FrameResult,
    Observation,
    SlaScope,
    StageTimings,
)
from approx_perception.testing.fakes import small_space

SPACE = small_space()
COUNTS = np.array([1, 11])


def measurements(detector_ms=(10.0, 30.0)):
    tracker = TrackerMeasurements(
        COUNTS, np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([[2.0, 2.0], [12.0, 12.0]])
    )
    detector = {
        (shape, None): np.full(5, ms) for shape, ms in zip((160, 320), detector_ms, strict=True)
    }
    return LatencyMeasurements(detector, {SPACE.trackers[0]: tracker}, (640, 480))


def result(branch, timings, objects=1, run_detector=True):
    found = Detections.from_arrays(np.zeros((objects, 4)), np.ones(objects), np.zeros(objects))
    decision = Decision(branch, run_detector, False, 0, 0, 0, "")
    return FrameResult(0, "", 0, found, decision, SLA(50.0), timings)


def test_parts_add_up_by_hand():
    estimate = MeasuredLatency(SPACE, measurements()).predict(
        Observation(SLA(50.0, 0.95, SlaScope.GOF), object_count=6)
    )
    # 6 objects: initialisation 1.5 ms, step 7 ms; si = 4.
    expected = [10, (10 + 1.5 + 3 * 7) / 4, 30, (30 + 1.5 + 3 * 7) / 4]
    np.testing.assert_allclose(estimate.mean_ms, expected)
    np.testing.assert_allclose(estimate.quantile_ms, expected)


def test_in_frame_scope_a_detection_counts_in_full():
    predictor = MeasuredLatency(SPACE, measurements())
    estimate = predictor.predict(Observation(SLA(50.0, 0.95), object_count=1))
    np.testing.assert_allclose(estimate.quantile_ms, [10, 11, 30, 31])


def test_in_frame_scope_detections_may_be_rarer_than_the_quantile():
    # At the 70 % quantile one slow frame in four does not matter.
    predictor = MeasuredLatency(SPACE, measurements())
    estimate = predictor.predict(Observation(SLA(50.0, 0.7), object_count=1))
    np.testing.assert_allclose(estimate.quantile_ms, [10, 2, 30, 2])


def test_no_objects_cost_no_tracking():
    predictor = MeasuredLatency(SPACE, measurements())
    estimate = predictor.predict(Observation(SLA(50.0, 0.95, SlaScope.GOF)))
    np.testing.assert_allclose(estimate.mean_ms, [10, 2.5, 30, 7.5])


def test_a_machine_that_became_slower_is_noticed():
    predictor = MeasuredLatency(SPACE, measurements())
    for _ in range(30):
        timings = StageTimings(detect_ms=20.0, processing_ms=20.0)
        predictor.observe(result(SPACE[0], timings))
    estimate = predictor.predict(Observation(SLA(50.0)))
    np.testing.assert_allclose(estimate.quantile_ms[[0, 2]], [20, 60])


def test_other_stages_are_added():
    predictor = MeasuredLatency(SPACE, measurements())
    for _ in range(100):
        timings = StageTimings(decode_ms=3.0, detect_ms=10.0, processing_ms=14.0)
        predictor.observe(result(SPACE[0], timings))
    estimate = predictor.predict(Observation(SLA(50.0)))
    np.testing.assert_allclose(estimate.quantile_ms[0], 14.0, atol=0.01)


def test_tail_is_that_of_what_is_seen():
    predictor = MeasuredLatency(SPACE, measurements())
    for step in range(60):
        slow = step % 6 == 0
        ms = 30.0 if slow else 10.0
        predictor.observe(result(SPACE[0], StageTimings(detect_ms=ms, processing_ms=ms)))
    estimate = predictor.predict(Observation(SLA(50.0, 0.95)))
    assert estimate.quantile_ms[0] == pytest.approx(30.0)
    assert estimate.mean_ms[0] == pytest.approx(10.0)


def test_tracked_frames_are_judged_apart():
    predictor = MeasuredLatency(SPACE, measurements())
    for _ in range(30):
        timings = StageTimings(track_ms=6.0, processing_ms=6.0)
        predictor.observe(result(SPACE[1], timings, objects=1, run_detector=False))
    estimate = predictor.predict(Observation(SLA(50.0, 0.95, SlaScope.GOF), object_count=1))
    np.testing.assert_allclose(estimate.mean_ms, [10, (10 + 1 + 3 * 6) / 4, 30, (30 + 1 + 18) / 4])


def test_unknown_branch_is_ignored():
    predictor = MeasuredLatency(SPACE, measurements())
    other = replace(SPACE[0], shape=999)
    predictor.observe(result(other, StageTimings(detect_ms=99.0, processing_ms=99.0)))
    estimate = predictor.predict(Observation(SLA(50.0)))
    np.testing.assert_allclose(estimate.quantile_ms[0], 10.0)
