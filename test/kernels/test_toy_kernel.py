"""A kernel that is no detection goes through all that serves kernels."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.measuring import PartTimer
from approx_perception.clock import FakeClock
from approx_perception.datasets import LabelledFrame
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.fit import fit_latency
from approx_perception.pipeline import CameraGroup, Stream
from approx_perception.pipeline.batches import batches_that_pay
from approx_perception.scheduling import Fastest, MostAccurate, Scheduler
from approx_perception.simulation.recorded_machine import LatencyTrace, SimulatedMachine
from approx_perception.simulation.simulated_stream import SimulatedStream, simulate
from approx_perception.structures import SLA, Frame
from approx_perception.testing.contracts import KernelContract, textured_image
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


@pytest.fixture
def kernel(clock):
    return ToyKernel(clock=clock)


def measured(kernel, clock, levels=(1.0, 3.0)):
    """Time every part on machines that are that much slower."""
    timer, columns = PartTimer(kernel, clock), []
    for level, kernel.slowdown in enumerate(levels):
        columns.append(timer.time(IMAGES, level))
    kernel.slowdown = 1.0
    return {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}


def latency_of(kernel, clock):
    load = np.full((2, 2), np.nan)
    model = fit_latency(measured(kernel, clock), load, kernel.space.compiled, kernel.cost_terms)
    return AdaptiveLatency(kernel.space, model, kernel.cost_terms)


def stream_of(kernel, clock, sla_ms=5.0, policy=None):
    scheduler = Scheduler(
        kernel.space, policy or MostAccurate(), latency_of(kernel, clock),
        ConstantAccuracy(ACCURACY),
    )  # fmt: skip
    return Stream(kernel, scheduler, SLA(sla_ms), clock)


def frame(sequence, image=IMAGES[0], source="camera"):
    return Frame(image, sequence, source, sequence)


def test_its_costs_are_measured_part_by_part(kernel, clock):
    latency = latency_of(kernel, clock)
    idle_ms = latency.idle_ms((64, 48))
    assert idle_ms == pytest.approx([kernel.ms(branch) for branch in kernel.space], rel=0.01)
    assert latency.model.is_profiled


def test_the_scheduler_chooses_by_its_budget(kernel, clock):
    stream = stream_of(kernel, clock, sla_ms=100.0)
    results = [stream.process(frame(sequence)) for sequence in range(4)]
    assert [str(r.decision.branch) for r in results] == ["side=64,exit=2"] * 4
    assert {(r.decision.kind, r.decision.starts_group) for r in results} == {("look", True)}
    assert [r.parts for r in results] == [((3, 8.0),)] * 4
    stream.sla = SLA(3.0)
    assert str(stream.process(frame(4)).decision.branch) == "side=32,exit=2"
    stream.scheduler.policy = Fastest()
    assert str(stream.process(frame(5)).decision.branch) == "side=32,exit=1"


def test_contention_is_sensed_in_its_latencies(kernel, clock):
    stream = stream_of(kernel, clock, sla_ms=16.0)
    before = [stream.process(frame(sequence)).decision for sequence in range(30)]
    assert str(before[-1].branch) == "side=64,exit=2"
    kernel.slowdown = 3.0
    after = [stream.process(frame(sequence)).decision for sequence in range(30, 60)]
    assert str(after[-1].branch) == "side=64,exit=1"
    assert after[-1].contention.slowdown == pytest.approx(3.0, rel=0.15)


def test_a_branch_that_fails_is_left_out(kernel, clock):
    stream = stream_of(kernel, clock, sla_ms=100.0)
    kernel.failing = {kernel.space[3]}
    errors = 0
    for sequence in range(12):
        try:
            result = stream.process(frame(sequence))
        except RuntimeError:
            errors += 1
    assert errors == 3
    assert str(result.decision.branch) == "side=64,exit=1"
    (problem,) = stream.scheduler.left_out()
    assert problem.startswith("side=64,exit=2 is left out")


def test_its_output_content_and_ends_of_groups_are_its_own(kernel, clock):
    stream = stream_of(kernel, clock)
    dark, bright = (np.full((48, 64, 3), value, np.uint8) for value in (0, 255))
    results = [stream.process(frame(i, image)) for i, image in enumerate([dark, bright])]
    assert [r.output for r in results] == [0.0, 1.0]
    assert results[0].content == Brightness(0.0)
    assert [r.why_end for r in results] == ["", "a cut"]


def test_several_cameras_share_it(kernel, clock):
    streams = {name: stream_of(kernel, clock, sla_ms=100.0) for name in "abc"}
    batched = batches_that_pay(kernel, IMAGES[:2], clock)
    assert batched == {0, 1, 2, 3}
    group = CameraGroup(streams, batched, clock)
    frames = [(name, frame(0, IMAGES[i], name)) for i, name in enumerate("abc")]
    results = group.process(frames)
    assert [r.batch_size for r in results] == [3] * 3
    # Two pairs of 8 ms; each waits for both and pays for a third.
    assert [r.timings.processing_ms for r in results] == [16.0] * 3
    assert [r.own_ms for r in results] == pytest.approx([16 / 3] * 3)
    expected = [kernel.look(image, kernel.space[3]) for image in IMAGES]
    assert [r.output for r in results] == expected


def test_it_runs_on_a_recorded_machine(kernel, clock):
    columns = measured(kernel, clock)
    terms, load = kernel.cost_terms, np.array([[0.0, np.nan], [1.0, np.nan]])
    trace = LatencyTrace(columns, load, kernel.space.compiled, terms, (64, 48))
    machine = SimulatedMachine(trace, lambda number: int(number >= 30))
    recorded = ToyKernel()
    scheduler = Scheduler(
        recorded.space, MostAccurate(), latency_of(kernel, clock), ConstantAccuracy(ACCURACY)
    )
    stream = SimulatedStream(recorded, scheduler, SLA(16.0), machine)
    heard = Heard()
    simulate(stream, [LabelledFrame(frame(0), None)] * 60, [SLA(16.0)] * 60, [heard])
    branches = [str(result.decision.branch) for result in heard.results]
    assert (branches[29], branches[59]) == ("side=64,exit=2", "side=64,exit=1")
    assert heard.results[29].own_ms == pytest.approx(8.0 + machine.overhead_ms, rel=0.02)
    assert heard.results[59].own_ms == pytest.approx(3 * 4.0 + machine.overhead_ms, rel=0.02)


class Heard:
    def __init__(self):
        self.results = []

    def add(self, frame, result, *_):
        self.results.append(result)


def test_it_takes_real_time_too():
    kernel = ToyKernel()
    stream = Stream(
        kernel,
        Scheduler(
            kernel.space, Fastest(), latency_of(kernel, FakeClockThatRuns()),
            ConstantAccuracy(ACCURACY),
        ),
        SLA(50.0),
    )  # fmt: skip
    result = stream.process(frame(0))
    assert result.parts[0][1] > 0
    assert result.timings.processing_ms >= result.parts[0][1]


class FakeClockThatRuns:
    """A millisecond passes whenever somebody looks."""

    def __init__(self):
        self.now_ns = 0

    def monotonic_ns(self):
        self.now_ns += 10**6
        return self.now_ns
