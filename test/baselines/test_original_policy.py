"""ApproxDet's policy and sensor, worked out by hand."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.policy_factory import PolicyFactory
from approx_perception.baselines.fit_original import fit_original
from approx_perception.baselines.original_latency import OriginalLatency, OriginalModel
from approx_perception.baselines.original_policy import OriginalPolicy, rising_frontier
from approx_perception.branches import Branch
from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.content_sensor import ContentSensor
from approx_perception.scheduling import Scheduler
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Decision,
    Detections,
    FrameResult,
    Observation,
    StageTimings,
)
from approx_perception.testing.fakes import FakeLatency, small_space
from test.recorded_machine import columns_of

SPACE = small_space()
ACCURACY = np.array([0.5, 0.4, 0.8, 0.7])
SIX = ContentFeatures(object_count=6, total_area_px2=600.0)
SIZE = (640, 480)


def model():
    """Detections of 10 and 30 ms, each busy core adds as much; step 1 ms + 1 ms a core."""
    detector = np.zeros((2, 15))
    detector[:, 0] = detector[:, 3] = [10.0, 30.0]
    step = np.zeros((1, 36))
    step[0, 0] = step[0, 5] = 1.0
    levels = np.array([[0.0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]])
    return OriginalModel(levels, detector, np.zeros((1, 36)), step, np.array([[0, 8.0], [0, 0]]))


def result(index, ms, run_detector=True):
    part = SPACE.compiled.parts_of(index, 0 if run_detector else 1)[0]
    decision = Decision(
        SPACE[index], "detect" if run_detector else "track", run_detector, False, 0, 0, 0, ""
    )
    return FrameResult(
        0, "", 0, Detections.empty(), decision, SLA(50.0), StageTimings(processing_ms=ms),
        parts=((part, ms),),
    )  # fmt: skip


def observation(sla_ms=50.0, content=SIX):
    return Observation(SLA(sla_ms), content, "camera", SIZE)


@pytest.fixture
def latency():
    return OriginalLatency(SPACE, model())


def test_mean_over_the_group(latency):
    # si = 4: a quarter of the detection and three quarters of a step.
    expected = [10, 10 / 4 + 0.75, 30, 30 / 4 + 0.75]
    np.testing.assert_allclose(latency.predict_ms(observation()), expected)


def test_nearest_level_of_the_last_detection(latency):
    latency.predict_ms(observation())
    latency.observe(result(0, 18.0))
    # 18 ms is nearest to one busy core (20 ms); a switch to 320 costs 8 ms over 100 frames.
    expected = [20, 20 / 4 + 0.75 * 2, 60 + 0.08, 60 / 4 + 0.75 * 2 + 0.08]
    np.testing.assert_allclose(latency.predict_ms(observation()), expected)
    latency.observe(result(0, 11.0))
    assert latency.predict_ms(observation())[0] == pytest.approx(10.0)


def test_nearest_level_of_the_last_ten_steps(latency):
    latency.predict_ms(observation())
    for _ in range(10):
        latency.observe(result(1, 3.1, run_detector=False))
    # The tracker says two cores, the detector was not seen since.
    assert latency.predict_ms(observation())[1] == pytest.approx(10 / 4 + 0.75 * 3)


def test_flushed_when_branch_or_video_change(latency):
    latency.predict_ms(observation())
    latency.observe(result(0, 30.0))
    assert latency.predict_ms(observation())[0] == pytest.approx(30.0)
    latency.observe(result(1, 1.0, run_detector=False))
    assert latency.predict_ms(observation())[0] == pytest.approx(10.0)


def test_features_of_the_last_frame_that_had_objects(latency):
    trackers = model()
    trackers.step[0, 1] = 10.0
    latency = OriginalLatency(SPACE, trackers)
    with_objects = latency.predict_ms(observation())
    np.testing.assert_allclose(
        latency.predict_ms(observation(content=ContentFeatures())), with_objects
    )


def test_predicts_from_the_terms_that_it_was_fitted_on():
    """Objects twice as high as wide, of which the fit saw widths and heights."""
    rng = np.random.default_rng(0)
    rows, scenes = [], []
    for _ in range(200):
        count, width, height = rng.integers(1, 20), rng.uniform(10, 40), rng.uniform(60, 200)
        boxes = np.tile([5.0, 5.0, 5.0 + width, 5.0 + height], (count, 1))
        scenes.append(Detections.from_arrays(boxes, np.ones(count), np.zeros(count)))
        # What a step takes goes with the product of height and number.
        step_ms = 1.0 + 0.001 * count * height
        for part, ms in ((0, 10.0), (1, 30.0), (2, 0.5), (3, step_ms)):
            rows.append((part, -1, 0, 0, *SIZE, count, count * width * height, width,
                         height, ms))  # fmt: skip
    columns = columns_of(rows)
    fitted = fit_original(columns, np.zeros((1, 3)), SPACE)
    latency, content = OriginalLatency(SPACE, fitted), ContentSensor()
    for found in scenes[:20]:
        content.see_objects(found, np.full(len(found), np.nan), SIZE)
        height = found.boxes[0, 3] - found.boxes[0, 1]
        expected_ms = (10 + 0.5 + 3 * (1.0 + 0.001 * len(found) * height)) / 4
        predicted_ms = latency.predict_ms(observation(content=content.features))[1]
        assert predicted_ms == pytest.approx(expected_ms, rel=0.02)


def test_frontier():
    latency_ms = np.array([10.0, 5.0, 30.0, 12.0, 40.0])
    accuracy = np.array([0.5, 0.4, 0.8, 0.45, 0.8])
    assert rising_frontier(latency_ms, accuracy).tolist() == [1, 0, 2]
    assert rising_frontier(latency_ms[:1], accuracy[:1]).tolist() == [0]


def scheduler():
    policy = OriginalPolicy(OriginalLatency(SPACE, model()), ACCURACY)
    return Scheduler(SPACE, policy, FakeLatency(np.ones(4)), ConstantAccuracy(ACCURACY))


@pytest.mark.parametrize(
    ("sla_ms", "expected"), [(39.1, 2), (38.9, 3), (10.8, 3), (10.6, 1), (4.3, 1)]
)
def test_most_accurate_inside_the_margin(sla_ms, expected):
    decision = scheduler().decide(observation(sla_ms))
    assert SPACE.index(decision.branch) == expected
    assert decision.reason == f"approxdet: most accurate inside {sla_ms:.1f} ms / 1.3"


def test_no_branch_fits():
    decision = scheduler().decide(observation(2.0))
    assert SPACE.index(decision.branch) == 1
    assert "no branch fits 2.0 ms / 1.3; the fastest" in decision.reason


def test_a_choice_stands_for_eight_frames():
    machine = scheduler()
    first = [machine.decide(observation(39.1)) for _ in range(3)]
    assert [d.branch for d in first] == [Branch(320)] * 3
    machine.observe(result(2, 90.0))
    later = [machine.decide(observation(39.1)) for _ in range(6)]
    # One detection a frame at si = 1, but the choice is reconsidered at the ninth frame only.
    assert [SPACE.index(d.branch) for d in later] == [2, 2, 2, 2, 2, 3]
    assert all(d.starts_group for d in later)


def test_a_change_of_sla_waits_for_the_next_decision():
    machine = scheduler()
    assert machine.decide(observation(39.1)).branch == Branch(320)
    later = [SPACE.index(machine.decide(observation(4.3)).branch) for _ in range(8)]
    assert later == [2] * 7 + [1]


def test_needs_a_profile():
    factory = PolicyFactory(SPACE, ACCURACY)
    with pytest.raises(ConfigurationError, match="'approxdet' needs a profile of this machine"):
        factory.create("approxdet", SPACE[0])


def test_needs_the_records_beside_the_profile(tmp_path):
    factory = PolicyFactory(SPACE, ACCURACY, profile=tmp_path / "one.json")
    with pytest.raises(ConfigurationError, match="'approxdet' is fitted to the records beside"):
        factory.create("approxdet", SPACE[0])
