"""Kernels that are no detection on a recorded machine."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.clock import FakeClock
from approx_perception.datasets import LabelledFrame
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.fit import fit_latency
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.simulation.hindsight import branch_latencies_ms
from approx_perception.simulation.recorded_machine import LatencyTrace, SimulatedMachine
from approx_perception.simulation.replay import replay_all
from approx_perception.simulation.simulated_stream import SimulatedStream, simulate
from approx_perception.structures import SLA, Decision, Frame
from approx_perception.testing.contracts import textured_image
from approx_perception.testing.fake_classifier import small_classification_kernel
from approx_perception.testing.toy_kernel import ToyKernel

#: Of the four parts on the idle machine; level 1 triples them.
PART_MS = (1.0, 2.0, 4.0, 8.0)
ACCURACY = np.array([0.3, 0.5, 0.6, 0.9])
FRAMES = [
    LabelledFrame(Frame(textured_image(64, 48, seed), seed * 10**8, "camera", seed))
    for seed in range(60)
]
UNKNOWN = np.full((2, 2), np.nan)


def columns():
    rng = np.random.default_rng(0)
    rows = [
        (part, -1, level, 0, 64, 48, ms * (1, 3)[level] * np.exp(0.02 * rng.standard_normal()))
        for level in (0, 1)
        for part, ms in enumerate(PART_MS)
        for _ in range(20)
    ]
    names = ("part", "before", "level", "round", "image_width", "image_height", "ms")
    return dict(zip(names, np.array(rows, float).T, strict=True))


@pytest.fixture(params=[ToyKernel, small_classification_kernel])
def kernel(request):
    return request.param()


@pytest.fixture
def machine(kernel):
    trace = LatencyTrace(columns(), UNKNOWN, kernel.space.compiled, kernel.cost_terms, (64, 48))
    return SimulatedMachine(trace, lambda frame: int(frame >= 30))


class Kept(list):
    def add(self, frame, result, *_):
        self.append(result)


def told(output):
    """The toy's brightness, or the score of the likeliest class."""
    return float(np.ravel(getattr(output, "scores", output))[0])


def looked(kernel, number, part):
    """What a branch alone tells of a frame."""
    state, frame = kernel.state(), FRAMES[number].frame
    branch, kind = kernel.space[part], kernel.space.compiled.kinds[0]
    decision = Decision(branch, kind, True, False, 0.0, 0.0, 0.0, "")
    state.sense(frame)
    return told(state.run(frame, decision, StageTimer(FakeClock(), 0.0)).output)


def test_the_scheduler_meets_the_recorded_machine(kernel, machine):
    model = fit_latency(columns(), UNKNOWN, kernel.space.compiled, kernel.cost_terms)
    latency = AdaptiveLatency(kernel.space, model, kernel.cost_terms)
    scheduler = Scheduler(kernel.space, MostAccurate(), latency, ConstantAccuracy(ACCURACY))
    stream, results = SimulatedStream(kernel, scheduler, SLA(16.0), machine), Kept()
    simulate(stream, FRAMES, [SLA(16.0)] * len(FRAMES), [results])
    assert [kernel.space.index(results[i].decision.branch) for i in (29, -1)] == [3, 2]
    for result in results:
        ((part, ms),) = result.parts
        expected = PART_MS[part] * (1 if result.sequence < 30 else 3)
        assert ms == pytest.approx(expected, rel=0.1)
        assert result.timings.processing_ms == pytest.approx(ms + machine.overhead_ms)
        assert told(result.output) == looked(kernel, result.sequence, part)


def test_every_branch_is_followed_by_itself(kernel, machine):
    outputs = {}
    contents = {}
    for own in replay_all(kernel, FRAMES[:5], lambda frame, output: (frame, output)):
        contents[own.replay.main_part] = own.replay.contents
        outputs |= own.matches
    latencies_ms = branch_latencies_ms(machine, contents)
    for index in range(4):
        looks = [looked(kernel, number, index) for number in range(5)]
        assert [(number, told(output)) for number, output in outputs[index]] == [*enumerate(looks)]
        assert latencies_ms[index] == pytest.approx(PART_MS[index] + 1, rel=0.1)
