"""Kernels that are no detection go through all that serves kernels."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.measuring import PartTimer
from approx_perception.classifiers import ClassifierSettings
from approx_perception.clock import FakeClock
from approx_perception.exceptions import InferenceError
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.fit import fit_latency
from approx_perception.pipeline import CameraGroup, Stream
from approx_perception.pipeline.batches import batches_that_pay
from approx_perception.scheduling import Fastest, MostAccurate, Scheduler
from approx_perception.structures import SLA, Frame
from approx_perception.testing.contracts import KernelContract, textured_image
from approx_perception.testing.fake_classifier import small_classification_kernel
from approx_perception.testing.toy_kernel import Brightness, ToyKernel

#: Larger and later is better.
ACCURACY = np.array([0.3, 0.5, 0.6, 0.9])
IMAGES = [textured_image(64, 48, seed) for seed in range(3)]


class TestToyKernel(KernelContract):
    @pytest.fixture(params=["real time", "fake clock"])
    def kernel(self, request):
        return ToyKernel(clock=FakeClock() if request.param == "fake clock" else None)


@pytest.fixture
def clock():
    return FakeClock()


class ToyCase:
    """A kernel whose four branches take 1, 2, 4 and 8 ms, and the will of its machine."""

    stage, kind = "look", "look"

    def __init__(self, clock):
        self.kernel = ToyKernel(clock=clock)

    def slow_down(self, factor):
        self.kernel.slowdown = factor

    def fail(self, position):
        self.kernel.failing = {self.kernel.space[position]}


class ClassificationCase(ToyCase):
    stage, kind = "classify", "classify"

    def __init__(self, clock):
        self.kernel = small_classification_kernel(clock)

    def slow_down(self, factor):
        self.kernel.classifier.slowdown = factor

    def fail(self, position):
        branch = self.kernel.space[position]
        self.kernel.classifier.failing = {ClassifierSettings(branch.shape, branch.exit)}


@pytest.fixture(params=[ToyCase, ClassificationCase])
def case(request, clock):
    return request.param(clock)


def measured(case, clock, levels=(1.0, 3.0)):
    """Time every part on machines that are that much slower."""
    timer, columns = PartTimer(case.kernel, clock), []
    for level, slowdown in enumerate(levels):
        case.slow_down(slowdown)
        columns.append(timer.time(IMAGES, level))
    case.slow_down(1.0)
    return {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}


def latency_of(case, clock):
    kernel, load = case.kernel, np.full((2, 2), np.nan)
    model = fit_latency(measured(case, clock), load, kernel.space.compiled, kernel.cost_terms)
    return AdaptiveLatency(kernel.space, model, kernel.cost_terms)


def stream_of(case, clock, sla_ms=5.0):
    scheduler = Scheduler(
        case.kernel.space, MostAccurate(), latency_of(case, clock), ConstantAccuracy(ACCURACY)
    )
    return Stream(case.kernel, scheduler, SLA(sla_ms), clock)


def chosen(case, result):
    """Position of the branch in the space."""
    return case.kernel.space.index(result.decision.branch)


def frame(sequence, image=IMAGES[0], source="camera"):
    return Frame(image, sequence, source, sequence)


def test_costs_are_measured_part_by_part(case, clock):
    latency = latency_of(case, clock)
    assert latency.idle_ms((64, 48)) == pytest.approx([1.0, 2.0, 4.0, 8.0], rel=0.01)
    assert latency.model.is_profiled


def test_the_scheduler_chooses_by_its_budget(case, clock):
    stream = stream_of(case, clock, sla_ms=100.0)
    results = [stream.process(frame(sequence)) for sequence in range(4)]
    assert [chosen(case, result) for result in results] == [3] * 4
    assert {(r.decision.kind, r.decision.starts_group) for r in results} == {(case.kind, True)}
    assert [r.parts for r in results] == [((3, 8.0),)] * 4
    assert [r.timings.stages[case.stage] for r in results] == [8.0] * 4
    stream.sla = SLA(3.0)
    assert chosen(case, stream.process(frame(4))) == 1
    stream.scheduler.policy = Fastest()
    assert chosen(case, stream.process(frame(5))) == 0


def test_contention_is_sensed_in_latencies(case, clock):
    stream = stream_of(case, clock, sla_ms=16.0)
    before = [stream.process(frame(sequence)) for sequence in range(30)]
    assert chosen(case, before[-1]) == 3
    case.slow_down(3.0)
    after = [stream.process(frame(sequence)) for sequence in range(30, 60)]
    assert chosen(case, after[-1]) == 2
    assert after[-1].decision.contention.slowdown == pytest.approx(3.0, rel=0.15)


def test_a_branch_that_fails_is_left_out(case, clock):
    stream = stream_of(case, clock, sla_ms=100.0)
    case.fail(3)
    errors = 0
    for sequence in range(12):
        try:
            result = stream.process(frame(sequence))
        except (RuntimeError, InferenceError):
            errors += 1
    assert errors == 3
    assert chosen(case, result) == 2
    (problem,) = stream.scheduler.left_out()
    assert f"{case.kernel.space[3]} is left out" in problem


def test_several_cameras_share_a_kernel(case, clock):
    streams = {name: stream_of(case, clock, sla_ms=100.0) for name in "abc"}
    batched = batches_that_pay(case.kernel, IMAGES[:2], clock)
    assert batched == {0, 1, 2, 3}
    group = CameraGroup(streams, batched, clock)
    results = group.process([(name, frame(0, IMAGES[i], name)) for i, name in enumerate("abc")])
    assert [r.batch_size for r in results] == [3] * 3
    # Three images take twice as long as one; each waits for all and pays for a third.
    assert [r.timings.processing_ms for r in results] == [16.0] * 3
    assert [r.own_ms for r in results] == pytest.approx([16 / 3] * 3)
    alone = [stream_of(case, clock, sla_ms=100.0) for _ in IMAGES]
    for stream, image, result in zip(alone, IMAGES, results, strict=True):
        assert_same(result.output, stream.process(frame(0, image)).output)


def assert_same(one, other):
    np.testing.assert_allclose(getattr(one, "scores", one), getattr(other, "scores", other))


def test_the_toys_output_content_and_ends_of_groups_are_its_own(clock):
    stream = stream_of(ToyCase(clock), clock)
    dark, bright = (np.full((48, 64, 3), value, np.uint8) for value in (0, 255))
    results = [stream.process(frame(i, image)) for i, image in enumerate([dark, bright])]
    assert [r.output for r in results] == [0.0, 1.0]
    assert results[0].content == Brightness(0.0)
    assert [r.why_end for r in results] == ["", "a cut"]


def test_real_time_is_taken_too():
    kernel = ToyKernel()
    scheduler = Scheduler(
        kernel.space, Fastest(), latency_of(ToyCase(clock := FakeClock()), clock),
        ConstantAccuracy(ACCURACY),
    )  # fmt: skip
    result = Stream(kernel, scheduler, SLA(50.0)).process(frame(0))
    assert result.parts[0][1] > 0
    assert result.timings.processing_ms >= result.parts[0][1]
