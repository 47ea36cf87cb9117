"""Several cameras over one detector."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.calibration import calibration_images
from approx_perception.clock import FakeClock
from approx_perception.exceptions import InferenceError
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.pipeline import CameraGroup, shared_budgets
from approx_perception.pipeline.batches import batches_that_pay
from approx_perception.scheduling import Fixed, Scheduler
from approx_perception.structures import SLA, Detections, Frame
from approx_perception.testing.contracts import textured_image
from approx_perception.testing.fakes import FakeDetector, FakeLatency, small_space, stream_of
from approx_perception.testing.models import small_latency

SPACE = small_space()
#: Part of the detections of both branches.
FIRST = 0
LATENCY_MS, BATCH_MS = 10.0, 12.0


class BatchDetector(FakeDetector):
    """Ten ms an image, or twelve for a batch of any length."""

    def __init__(self, find, clock):
        super().__init__(find, clock, LATENCY_MS)
        self.batches = []
        self.slowdown = 1.0

    def _detect_together(self, images, settings):
        self.batches.append(len(images))
        self._clock.advance_ms(self.slowdown * BATCH_MS)
        return [self._find(image, settings) for image in images]


def bright_corner(image, _settings):
    if image[0, 0, 0] == 13:
        raise ValueError("unlucky image")
    side = float(image[0, 0, 0])
    return Detections.from_arrays([[0, 0, side, side]], [0.9], [0])


def image(side):
    picture = textured_image(64, 48).copy()
    picture[0, 0] = side
    return picture


def frames(*sides, sequence=0):
    return [(name, Frame(image(side), 1, name, sequence))
            for name, side in zip("abc", sides, strict=False)]  # fmt: skip


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def detector(clock):
    return BatchDetector(bright_corner, clock)


def group_of(detector, clock, batched=frozenset(), branch=SPACE[0]):
    latency, accuracy = FakeLatency(np.arange(4)), ConstantAccuracy(np.ones(4))
    streams = {
        name: stream_of(detector, Scheduler(SPACE, Fixed(branch), latency, accuracy), clock)
        for name in "abc"
    }
    return CameraGroup(streams, batched, clock)


def test_each_camera_gets_its_own_objects(detector, clock):
    group = group_of(detector, clock)
    outcomes = group.process(frames(20, 30, 40))
    assert [float(o.detections.boxes[0, 2]) for o in outcomes] == [20, 30, 40]
    assert [o.source_id for o in outcomes] == ["a", "b", "c"]
    assert detector.batches == []
    # What others took is not counted.
    assert [o.timings.processing_ms for o in outcomes] == pytest.approx([LATENCY_MS] * 3)


def test_a_batch_where_it_is_faster_each_waits_for_all_of_it(detector, clock):
    group = group_of(detector, clock, {FIRST})
    outcomes = group.process(frames(20, 30, 40))
    assert detector.batches == [3]
    assert [float(o.detections.boxes[0, 2]) for o in outcomes] == [20, 30, 40]
    for outcome in outcomes:
        assert outcome.timings.stages["detect"] == pytest.approx(BATCH_MS)
        assert outcome.timings.processing_ms == pytest.approx(BATCH_MS)
        # Budgets are shared, so that each pays a third.
        assert outcome.own_ms == pytest.approx(BATCH_MS / 3)
        assert outcome.parts == ((0, pytest.approx(BATCH_MS / 3)),)


def test_tracked_frames_and_lone_ones_are_no_batch(detector, clock):
    group = group_of(detector, clock, {FIRST}, SPACE[1])
    assert group.process(frames(20))[0].decision.starts_group
    # b and c begin a group now, a is in the middle of one.
    outcomes = group.process(frames(20, 30, 40, sequence=1))
    assert [o.decision.starts_group for o in outcomes] == [False, True, True]
    assert detector.batches == [2]


def test_images_of_another_size_are_another_batch(detector, clock):
    group = group_of(detector, clock, {FIRST})
    mixed = frames(20, 30)
    mixed[1] = ("b", Frame(textured_image(96, 64), 1, "b", 0))
    group.process(mixed)
    assert detector.batches == []


@pytest.mark.parametrize("batched", [False, True])
def test_what_fails_for_one_leaves_the_others_alone(detector, clock, batched):
    group = group_of(detector, clock, {FIRST} if batched else ())
    first, second, third = group.process(frames(20, 13, 40))
    assert isinstance(second, InferenceError)
    assert "unlucky image" in str(second)
    assert float(first.detections.boxes[0, 2]) == 20
    assert float(third.detections.boxes[0, 2]) == 40


def test_a_kernel_that_gives_too_few_results_is_asked_one_by_one(detector, clock, monkeypatch):
    group = group_of(detector, clock, {FIRST})
    monkeypatch.setattr(DetectionKernel, "run_together", lambda *_: [Detections.empty()])
    outcomes = group.process(frames(20, 30, 40))
    assert [float(o.detections.boxes[0, 2]) for o in outcomes] == [20, 30, 40]


def test_budgets_fit_together():
    assert shared_budgets({}) == {}
    assert shared_budgets({"a": SLA(50.0, 0.9)}) == {"a": SLA(50.0, 0.9)}
    shares = shared_budgets({"a": SLA(50.0, 0.9), "b": SLA(200.0, 0.99)})
    # Whoever comes first, the other one waits for at most 25 ms and takes 25.
    assert shares == {"a": SLA(25.0, 0.9), "b": SLA(25.0, 0.99)}
    assert sum(s.latency_ms for s in shares.values()) <= 50.0
    assert [share.asked_ms for share in shares.values()] == [50.0, 200.0]


class OverheadDetector(FakeDetector):
    """Eight ms a call and two an image, or ten an image where batches are emulated."""

    def __init__(self, clock, call_ms, image_ms):
        super().__init__(lambda *_: Detections.empty(), clock)
        self._call_ms, self._image_ms = call_ms, image_ms

    def _detect_together(self, images, settings):
        self._clock.advance_ms(self._call_ms + self._image_ms * len(images))
        return [Detections.empty() for _ in images]


@pytest.mark.parametrize(
    ("call_ms", "image_ms", "pays"), [(8.0, 2.0, True), (0.0, 10.0, False), (0.5, 9.5, False)]
)
def test_batches_that_pay_are_measured(clock, call_ms, image_ms, pays):
    images = calibration_images((64, 48))[:2]
    kernel = DetectionKernel(OverheadDetector(clock, call_ms, image_ms), SPACE)
    assert batches_that_pay(kernel, images, clock) == (frozenset({0, 1}) if pays else frozenset())


def test_batches_do_not_teach_what_an_image_alone_takes(clock, detector):
    """Ten ms alone, four in a batch of three: the next lone image is expected to take ten."""
    streams = {}
    for name in "abc":
        latency = small_latency(SPACE)
        scheduler = Scheduler(SPACE, Fixed(SPACE[0]), latency, ConstantAccuracy(np.ones(4)))
        streams[name] = stream_of(detector, scheduler, clock)
    group = CameraGroup(streams, {FIRST}, clock)
    for sequence in range(60):
        outcomes = group.process(frames(20, 30, 40, sequence=sequence))
    assert detector.batches == [3] * 60
    alone_ms = outcomes[0].decision.expected_ms
    assert alone_ms == pytest.approx(LATENCY_MS, rel=0.1)
    # Contention is seen in batches, too.
    detector.slowdown = 2.0
    for sequence in range(60, 65):
        outcomes = group.process(frames(20, 30, 40, sequence=sequence))
    assert outcomes[0].decision.expected_ms == pytest.approx(2 * LATENCY_MS, rel=0.15)
    assert outcomes[0].decision.contention.slowdown == pytest.approx(2.0, rel=0.15)
