"""The real pipeline on recorded latencies: the same for whoever asks."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.datasets.class_map import ClassMap
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.scheduling import Fixed, Scheduler
from approx_perception.simulation.recorded_machine import (
    LatencyTrace,
    SimulatedMachine,
    SimulatedWorld,
    branch_latency_ms,
    simulate,
)
from approx_perception.structures import SLA, Detections, LoadReading
from approx_perception.testing.fakes import FakeLatency, small_space
from test.recorded_machine import columns_of

SPACE = small_space()
FRAMES = 24
#: Level 1 doubles everything.
LOAD = np.array([[0.0, np.nan], [0.8, np.nan]])


def columns():
    rng = np.random.default_rng(0)
    rows = []
    for level in (0, 1):
        for _ in range(12):
            noise = np.exp(0.05 * rng.standard_normal()) * (level + 1)
            for part, ms in enumerate((10.0, 30.0)):
                rows.append((part, -1, level, 0, 640, 480, 0, 0, 0, 0, ms * noise))
            for count in (1, 4, 16):
                for part, ms in ((2, 1.0), (3, 0.5 + 0.5 * count)):
                    area = 2500.0 * count
                    rows.append((part, -1, level, 0, 640, 480, count, area, 50, 50, ms * noise))
    return columns_of(rows)


@pytest.fixture(scope="module")
def world():
    video = SyntheticVideo("crowd", "test", 0, FRAMES)
    frames = list(video)
    truth = [
        Detections.from_arrays(e.ground_truth.boxes, np.ones(len(e.ground_truth)),
                               e.ground_truth.class_ids)
        for e in frames
    ]  # fmt: skip
    levels = np.repeat([0, 1], FRAMES // 2)
    trace = LatencyTrace(columns(), LOAD, SPACE, (640, 480))
    return SimulatedWorld(
        frames,
        [truth, truth],
        SimulatedMachine(trace, SPACE, levels),
        ClassMap(video.class_names, video.class_names),
    )


def run(world, index, hears_load=True):
    scheduler = Scheduler(
        SPACE, Fixed(SPACE[index]), FakeLatency(np.ones(4)), ConstantAccuracy(np.ones(4))
    )
    return simulate(world, scheduler, [SLA(50.0)] * FRAMES, hears_load=hears_load)


@pytest.mark.parametrize("index", range(4))
def test_a_fixed_branch_costs_what_is_foretold_for_it(world, index):
    results = run(world, index)
    measured = np.array([r.timings.processing_ms for r in results])
    foretold = branch_latency_ms(world.machine, SPACE[index], world.saved[index // 2])
    # Tracked objects may get lost, which the foretelling does not know; detections are exact.
    starts = np.array([r.decision.run_detector for r in results])
    np.testing.assert_allclose(measured[starts], foretold[starts], rtol=1e-6)
    np.testing.assert_allclose(measured, foretold, rtol=0.5)


def test_contention_of_the_schedule_is_felt(world):
    measured = np.array([r.timings.processing_ms for r in run(world, 2)])
    ratio = measured[FRAMES // 2 :].mean() / measured[: FRAMES // 2].mean()
    assert ratio == pytest.approx(2.0, rel=0.15)


def test_the_same_run_twice_is_the_same(world):
    first, second = run(world, 1), run(world, 1)
    assert [r.timings for r in first] == [r.timings for r in second]


def test_perfect_detections_are_perfect(world):
    for index, result in enumerate(run(world, 0)):
        assert world.match(index, result.detections).hits.all()


def test_load_readings_lag(world):
    assert world.machine.reading(0) == LoadReading(cpu=0.0)
    step = FRAMES // 2
    assert world.machine.reading(step) == LoadReading(cpu=0.0)
    assert world.machine.reading(step + world.machine.load_delay_frames) == LoadReading(cpu=0.8)
