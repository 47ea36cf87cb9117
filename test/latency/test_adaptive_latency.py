"""Predictions by hand, and what frames teach."""

import math
from dataclasses import replace

import numpy as np
import pytest

from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.structures import (
    SLA,
    BesideRun,
    ContentFeatures,
    Decision,
    Detections,
    FrameResult,
    LoadReading,
    Observation,
    SlaScope,
    StageTimings,
)
from approx_perception.testing.fakes import small_space
from approx_perception.testing.models import small_latency, small_latency_model

SPACE = small_space()
# shape=160,si=1 | shape=160,si=4 | shape=320,si=1 | shape=320,si=4
GOF = SLA(50.0, 0.95, SlaScope.GOF)
FRAME = SLA(50.0, 0.95)
SIX = ContentFeatures(object_count=6)


COSTS = DetectionCosts(SPACE)
DETECT, TRACK = SPACE.compiled.kinds


def predictor(**changes):
    model = replace(small_latency_model(), **changes)
    # All on the idle machine: the first state has nearly all weight after some quiet frames.
    return AdaptiveLatency(SPACE, model, COSTS)


def take(latency, index, *took_ms, kind=DETECT, sla=FRAME, count=6, overhead_ms=0.0):
    """Let a frame of a branch take so long, part by part."""
    parts = SPACE.compiled.parts_of(index, SPACE.compiled.kinds.index(kind))
    took = tuple(zip(parts, took_ms, strict=False))
    found = Detections.from_arrays(np.zeros((count, 4)), np.ones(count), np.zeros(count))
    decision = Decision(SPACE[index], kind, kind == DETECT, False, 10, 12, 0.5, "")
    latency.observe(FrameResult(
        0, "", 0, found, decision, sla, StageTimings(processing_ms=sum(took_ms) + overhead_ms),
        parts=took, content=ContentFeatures.of_objects(found),
    ))  # fmt: skip


def frame(latency, index, *took_ms, kind=DETECT, sla=FRAME, load=None):
    """Predict, then let a frame of a branch take so long; returns the estimate."""
    estimate = latency.predict(Observation(sla, SIX, load=load or LoadReading()))
    take(latency, index, *took_ms, kind=kind, sla=sla)
    return estimate


def test_images_of_another_aspect_cost_what_the_network_sees_of_them():
    """The model was profiled at 640x480; a third more is seen of wide ones."""
    mean_ms = {}
    for image_size in ((640, 480), (640, 360), (1280, 720)):
        latency = AdaptiveLatency(
            SPACE, small_latency_model(),
            DetectionCosts(SPACE, lambda shape, size: shape * shape * size[0] // size[1]),
        )  # fmt: skip
        observation = Observation(FRAME, SIX, image_size=image_size)
        mean_ms[image_size] = latency.predict(observation).mean_ms[[0, 2]]
    shares = mean_ms[640, 360] / mean_ms[640, 480]
    np.testing.assert_allclose(shares, 4 / 3, rtol=1e-3)
    np.testing.assert_allclose(mean_ms[1280, 720], mean_ms[640, 360])
    np.testing.assert_allclose(latency.idle_ms((640, 360))[:2], [40 / 3, 40], rtol=1e-3)


def settled(ms=10.0, frames=40, **options):
    latency = predictor()
    for _ in range(frames):
        estimate = frame(latency, 0, ms, **options)
    return latency, estimate


def test_parts_add_up_by_hand():
    latency, _ = settled()
    mean = latency.predict(Observation(GOF, SIX)).mean_ms
    # 6 objects: initialisation 4 ms, step 7 ms; si = 4.
    expected = np.array([10, (10 + 4 + 3 * 7) / 4, 30, (30 + 4 + 3 * 7) / 4])
    np.testing.assert_allclose(mean, expected, rtol=0.06)


def test_no_objects_cost_no_tracking():
    latency, _ = settled()
    mean = latency.predict(Observation(GOF, ContentFeatures())).mean_ms
    np.testing.assert_allclose(mean, [10, 2.5, 30, 7.5], rtol=0.06)


def test_in_frame_scope_a_detection_counts_in_full():
    latency, _ = settled()
    estimate = latency.predict(Observation(FRAME, SIX))
    assert (estimate.quantile_ms >= [9.5, 13.3, 28.5, 32.3]).all()
    # At si = 4 a fifth of the detections may be late, so that less is kept in reserve.
    assert estimate.quantile_ms[1] / 14 < estimate.quantile_ms[0] / 10 + 1e-9


def test_contention_is_sensed_within_three_frames_and_for_all_branches():
    latency, before = settled()
    for _ in range(3):
        frame(latency, 0, 20.0)
    after = latency.predict(Observation(FRAME, SIX))
    np.testing.assert_allclose(after.mean_ms, 2 * before.mean_ms, rtol=0.12)
    assert after.contention.slowdown == pytest.approx(2.0, rel=0.12)
    assert after.contention.cpu == pytest.approx(0.5, abs=0.1)
    assert after.contention.source == "latency"


def test_a_load_reading_counts_before_the_first_slow_frame():
    latency, calm = settled()
    loud = latency.predict(Observation(FRAME, SIX, load=LoadReading(cpu=1.0)))
    assert (loud.mean_ms > calm.mean_ms).all()
    assert loud.contention.source == "latency and load topics"


def test_a_machine_that_is_not_as_profiled_is_learned():
    # 1.4 times as slow without contention, as a monitor says.
    latency = predictor()
    for _ in range(150):
        frame(latency, 0, 14.0, load=LoadReading(cpu=0.0))
    estimate = latency.predict(Observation(FRAME, SIX, load=LoadReading(cpu=0.0)))
    assert estimate.mean_ms[0] == pytest.approx(14.0, rel=0.05)
    # What a setting teaches is partly taken to hold for the other one.
    assert 31 < estimate.mean_ms[2] < 44


def test_the_tail_covers_what_was_asked_for():
    rng = np.random.default_rng(0)
    latency, over = predictor(), []
    for _ in range(1500):
        ms = 10.0 * float(np.exp(0.25 * rng.standard_normal()))
        estimate = frame(latency, 0, ms)
        over.append(ms > estimate.quantile_ms[0])
    assert 0.03 < np.mean(over[100:]) < 0.07


def test_overhead_is_added():
    latency = predictor()
    for _ in range(100):
        latency.predict(Observation(FRAME, SIX))
        take(latency, 0, 10.0, overhead_ms=4.0)
    assert latency.predict(Observation(FRAME, SIX)).mean_ms[0] == pytest.approx(14.0, rel=0.05)


def group(latency, first_ms, step_ms, frames=4, sla=GOF):
    """Let a group of branch 1 take so long: detection, start of the tracker, steps."""
    frame(latency, 1, *first_ms, sla=sla)
    for _ in range(frames - 1):
        frame(latency, 1, step_ms, kind=TRACK, sla=sla)


def test_groups_have_a_tail_of_their_own():
    latency = predictor()
    for _ in range(60):
        group(latency, (10.0, 4.0), 7.0)
    estimate = latency.predict(Observation(GOF, SIX))
    group_ms = (14.0 + 3 * 7.0) / 4
    assert estimate.mean_ms[1] == pytest.approx(group_ms, rel=0.06)
    assert group_ms * 0.97 < estimate.quantile_ms[1] < group_ms * 1.25


def test_a_group_of_one_frame_is_that_frame():
    latency = predictor()
    for _ in range(60):
        # Groups vary much more than detections do.
        group(latency, (10.0, 40.0), 10.0)
    alone = [i for i, branch in enumerate(SPACE) if branch.si == 1]
    grouped, single = (latency.predict(Observation(sla, SIX)) for sla in (GOF, FRAME))
    np.testing.assert_allclose(grouped.quantile_ms[alone], single.quantile_ms[alone])
    np.testing.assert_allclose(grouped.late_share[alone], single.late_share[alone])


def test_expectation_of_one_frame():
    latency, _ = settled()
    latency.predict(Observation(FRAME, SIX))
    detection = latency.expect(SPACE[1], DETECT, 0.95)
    step = latency.expect(SPACE[1], TRACK, 0.95)
    assert detection.part_ms == pytest.approx(10.0, rel=0.06)
    assert detection.frame_ms == pytest.approx(14.0, rel=0.06)
    assert step.part_ms == pytest.approx(7.0, rel=0.06)
    assert step.quantile_ms > step.frame_ms > 0


def test_frames_of_a_group_tell_what_its_next_ones_take():
    latency, _ = settled()
    latency.predict(Observation(FRAME, SIX))
    before_ms = latency.expect(SPACE[1], TRACK, 0.95).part_ms
    for _ in range(4):
        take(latency, 1, 14.0, kind=TRACK)
    # No decision in between: the steps themselves doubled what is expected of the next one.
    assert latency.expect(SPACE[1], TRACK, 0.95).part_ms > 1.7 * before_ms


def test_steps_are_judged_by_the_objects_that_were_found():
    latency, _ = settled()
    # Two objects were in view when it was decided; the detection finds six.
    latency.predict(Observation(FRAME, ContentFeatures(object_count=2)))
    take(latency, 1, 10.0, 4.0)
    assert latency.expect(SPACE[1], TRACK, 0.95).part_ms == pytest.approx(7.0, rel=0.06)


def test_frames_that_took_no_time_teach_nothing():
    latency, before = settled()
    frame(latency, 0, 0.0)
    after = latency.predict(Observation(FRAME, SIX))
    assert np.isfinite(after.quantile_ms).all()
    assert math.isclose(after.mean_ms[0], before.mean_ms[0], rel_tol=0.05)


def test_frames_that_meet_others_by_chance_are_expected_again():
    """Each sixth takes four times as long, and belief in contention goes with it and comes back."""
    latency, _ = settled()
    for step in range(120):
        frame(latency, 0, 40.0 if step % 6 == 0 else 10.0)
    estimate = latency.predict(Observation(SLA(20.0), SIX))
    assert 0.1 < estimate.late_share[0] < 0.25


def test_frames_that_a_late_group_tracks_on_are_counted_once():
    """The choice credits them (`MostAccurate`), so that the tail of groups leaves them out."""
    quantiles_ms = []
    for length in (4, 8):
        latency = predictor()
        for _ in range(40):
            group(latency, (40.0, 4.0), 7.0, length)
        quantiles_ms.append(latency.predict(Observation(GOF, SIX)).quantile_ms[1])
    assert quantiles_ms[1] == pytest.approx(quantiles_ms[0], rel=0.05)


def test_a_frame_in_which_the_process_was_stopped_is_one_late_frame():
    latency, before = settled()
    take(latency, 0, 10.0, overhead_ms=59_990.0)
    for _ in range(20):
        after = frame(latency, 0, 10.0)
    np.testing.assert_allclose(after.mean_ms, before.mean_ms, rtol=0.1)


@pytest.mark.parametrize(("period_ms", "step_count"), [(0.0, 2), (33.0, 1), (9.0, 2), (3.0, 2)])
def test_what_comes_from_beside_takes_as_many_steps_as_it_is_frames_old(period_ms, step_count):
    """A detection of 10 ms; a start of 2 ms, a step of 3 ms."""
    content = ContentFeatures(object_count=2, total_area_px2=100.0)
    space = small_space().beside
    latency = small_latency(space)
    observation = Observation(SLA(50.0), content, period_ms=period_ms)
    estimate = latency.predict(observation)
    slowdown = estimate.beside_ms[1] / 10
    assert estimate.beside_ms == pytest.approx(slowdown * np.array([0.0, 10.0, 0.0, 30.0]))
    assert estimate.mean_ms[1] == pytest.approx(slowdown * (2 + 3 * step_count + 3 * 3) / 4)


def test_what_ran_beside_teaches_contention_like_any_part():
    content = ContentFeatures(object_count=2, total_area_px2=100.0)
    space = small_space().beside
    latency = small_latency(space)
    observation = Observation(SLA(50.0), content)
    before_ms = latency.predict(observation).beside_ms
    decision = Decision(space[1], "track", False, False, 1.0, 1.0, 0.5, "")
    for _ in range(10):
        latency.observe(
            FrameResult(
                0, "", 0, Detections.empty(), decision, SLA(50.0), StageTimings(),
                beside=BesideRun(0, 40.0, 66.0),
            )
        )  # fmt: skip
    after_ms = latency.predict(observation).beside_ms
    assert after_ms[1] == pytest.approx(40.0, rel=0.1)
    # The other setting is as contended.
    assert after_ms[3] > 2 * before_ms[3]
