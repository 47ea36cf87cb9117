"""The real pipeline on recorded latencies: the same for whoever asks."""

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.datasets.class_map import ClassMap
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.kernels import KernelState
from approx_perception.kernels.detection import DetectionKernel, DetectionState
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.scheduling import Fixed, Scheduler
from approx_perception.simulation.hindsight import follow_branches
from approx_perception.simulation.recorded_machine import LatencyTrace, SimulatedMachine
from approx_perception.simulation.replay import matcher, replay_all
from approx_perception.simulation.simulated_stream import SimulatedStream, simulate
from approx_perception.structures import SLA, LoadReading
from approx_perception.testing.fakes import FakeLatency, TruthDetector, small_space
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


class World:
    """Perfect detections on a machine that is contended in the second half."""

    def __init__(self):
        video = SyntheticVideo("crowd", "test", 0, FRAMES)
        self.frames = list(video)
        self.kernel = DetectionKernel(TruthDetector(video), SPACE)
        trace = LatencyTrace(columns(), LOAD, SPACE.compiled, self.kernel.cost_terms, (640, 480))
        self.machine = SimulatedMachine(trace, lambda frame: int(frame >= FRAMES // 2))
        class_map = ClassMap(video.class_names, video.class_names)
        self.match = matcher(scoring_of("detection"), self.frames, class_map)


@pytest.fixture(scope="module")
def world():
    return World()


class Kept(list):
    def add(self, frame, result, *_):
        self.append(result)


def run(world, index, hears_load=True):
    scheduler = Scheduler(
        SPACE, Fixed(SPACE[index]), FakeLatency(np.ones(4)), ConstantAccuracy(np.ones(4))
    )
    results, slas = Kept(), [SLA(50.0)] * 20 + [SLA(40.0)] * (FRAMES - 20)
    stream = SimulatedStream(world.kernel, scheduler, slas[0], world.machine, hears_load)
    simulate(stream, world.frames, slas, [results])
    assert [result.sla for result in results] == slas
    return results


def test_a_fixed_branch_costs_what_is_foretold_for_it(world):
    outcomes = follow_branches(world.kernel, world.frames, world.machine, world.match, 3)
    for index, foretold in enumerate(outcomes.latencies_ms):
        results = run(world, index)
        measured = np.array([r.timings.processing_ms for r in results])
        # Tracked objects may get lost, which the foretelling does not know; the first frames of
        # groups are exact.
        starts = np.array([r.decision.starts_group for r in results])
        assert starts.tolist() == outcomes.starts(index).tolist()
        np.testing.assert_allclose(measured[starts], foretold[starts], rtol=1e-6)
        np.testing.assert_allclose(measured, foretold, rtol=0.5)
        parts = [{part for part, _ in r.parts} for r in results[:2]]
        kinds = [0, SPACE.compiled.kind_at(index, 1)]
        assert parts == [set(SPACE.compiled.parts_of(index, kind)) for kind in kinds]


def test_branches_by_themselves_are_what_the_kernel_shares(world, monkeypatch):
    """What a kernel without a short cut would be asked to do."""
    frames = world.frames[:6]
    short = {i: m for own in replay_all(world.kernel, frames, world.match)
             for i, m in own.matches.items()}  # fmt: skip
    monkeypatch.setattr(DetectionState, "replays", KernelState.replays)
    alone = list(replay_all(world.kernel, frames, world.match))
    assert [own.replay.main_part for own in alone] == [0, 1]
    assert {len(own.replay.contents) for own in alone} == {6}
    found = {i: own_matches for own in alone for i, own_matches in own.matches.items()}
    for index, matches in short.items():
        for ours, theirs in zip(matches, found[index], strict=True):
            np.testing.assert_array_equal(ours.hits, theirs.hits)


def test_contention_of_the_schedule_is_felt(world):
    measured = np.array([r.timings.processing_ms for r in run(world, 2)])
    ratio = measured[FRAMES // 2 :].mean() / measured[: FRAMES // 2].mean()
    assert ratio == pytest.approx(2.0, rel=0.15)


def test_the_same_run_twice_is_the_same(world):
    first, second = run(world, 1), run(world, 1)
    assert [r.timings for r in first] == [r.timings for r in second]


def test_perfect_detections_are_perfect(world):
    for index, result in enumerate(run(world, 0)):
        assert world.match(index, result.output).hits.all()


def test_load_readings_lag(world):
    assert world.machine.reading(0) == LoadReading(cpu=0.0)
    step = FRAMES // 2
    assert world.machine.reading(step) == LoadReading(cpu=0.0)
    assert world.machine.reading(step + world.machine.load_delay_frames) == LoadReading(cpu=0.8)
