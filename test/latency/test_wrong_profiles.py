"""What frames take heals a profile that is off, on a recorded machine."""

from dataclasses import replace

import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.branches import BranchSpace
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.fit import fit_latency
from approx_perception.latency.records import ProfileRecords
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.simulation.recorded_machine import LatencyTrace, SimulatedMachine
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Decision,
    Detections,
    FrameResult,
    Observation,
    SlaScope,
    StageTimings,
)
from test import recorded_machine

SPACE = BranchSpace.from_dict(recorded_machine.SPACE, "the test's space")
SETTINGS, COSTS = len(SPACE.detector_settings), DetectionCosts(SPACE)
PARTS = {
    "all": slice(None),
    "detections": slice(0, SETTINGS),
    "trackers": slice(SETTINGS, None),
}
OBJECTS = 6
#: In order of the space: shape 96 and 160, each alone and tracked.
ACCURACY = np.array([0.5, 0.4, 0.8, 0.7])
UNKNOWN_LOAD = np.full((2, 2), np.nan)


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    path = recorded_machine.write_records(tmp_path_factory.mktemp("machine"))
    return ProfileRecords.load(path).latency


def run(columns, sla, factor=1.0, parts="all", frames=100, levels=(0,)):
    """Results of a scheduler whose profile says ``factor`` times what parts really take."""
    model = fit_latency(columns, UNKNOWN_LOAD, SPACE.compiled, COSTS)
    base = model.base.copy()
    base[PARTS[parts]] *= factor
    latency = AdaptiveLatency(SPACE, replace(model, base=base), COSTS)
    scheduler = Scheduler(SPACE, MostAccurate(), latency, ConstantAccuracy(ACCURACY))
    trace = LatencyTrace(columns, UNKNOWN_LOAD, SPACE.compiled, COSTS, (640, 480))
    machine = SimulatedMachine(trace, lambda frame: levels[min(frame, len(levels) - 1)])
    found = Detections.from_arrays(
        np.tile([0, 0, 50, 50], (OBJECTS, 1)), np.ones(OBJECTS), np.zeros(OBJECTS)
    )
    content = ContentFeatures.of_objects(found)
    results = []
    for frame in range(frames):
        decision = scheduler.decide(Observation(sla, content, "camera", (640, 480)))
        kind = SPACE.compiled.kinds.index(decision.kind)
        parts_run = SPACE.compiled.parts_of(SPACE.index(decision.branch), kind)
        part_ms = machine.part_ms(frame, content)
        took = tuple((part, float(part_ms[part])) for part in parts_run)
        result = FrameResult(
            0, "camera", frame, found, decision, sla,
            StageTimings(processing_ms=sum(ms for _, ms in took)), parts=took, content=content,
        )  # fmt: skip
        scheduler.observe(result)
        results.append(result)
    return results, latency


def chosen(results):
    return {str(result.decision.branch) for result in results[60:]}


@pytest.mark.parametrize("sla_ms", [16.0, 25.0, 40.0])
@pytest.mark.parametrize("scope", list(SlaScope))
@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("parts", PARTS)
def test_after_60_frames_branches_are_those_of_the_right_profile(
    columns, sla_ms, scope, factor, parts
):
    sla = SLA(sla_ms, 0.95, scope)
    right, _ = run(columns, sla)
    healed, _ = run(columns, sla, factor, parts)
    assert chosen(healed) == chosen(right)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_what_was_off_at_first_is_not_kept_as_a_tail(columns, factor):
    """A tail of a profile twice too low, or high, would hold back budget for 100 frames."""
    sla = SLA(16.0)
    quantiles_ms = []
    for f in (1.0, factor):
        _, latency = run(columns, sla, f)
        estimate = latency.predict(Observation(sla, ContentFeatures(), "camera", (640, 480)))
        quantiles_ms.append(estimate.quantile_ms)
    np.testing.assert_allclose(quantiles_ms[1], quantiles_ms[0], rtol=0.15)


def test_a_profile_made_beside_other_work_heals_for_settings_that_never_ran(columns):
    """Shape 160 takes 30 ms, the profile says 60: of 40 ms it would never have been tried."""
    results, _ = run(columns, SLA(40.0), factor=2.0, frames=30)
    assert results[-1].decision.branch.shape == 160


def test_a_machine_that_becomes_faster_or_slower_than_any_profile_is_followed(columns):
    """Contention that no state explains is learned, and unlearned when it ends."""
    latency = AdaptiveLatency(
        SPACE, fit_latency(columns, UNKNOWN_LOAD, SPACE.compiled, COSTS), COSTS
    )
    decision = Decision(SPACE[0], "detect", True, False, 12.0, 14.0, 0.5, "")
    for factor, frames in ((1.0, 60), (0.4, 40), (12.0, 40), (1.0, 40)):
        for _ in range(frames):
            observation = Observation(SLA(50.0), ContentFeatures(), "camera", (640, 480))
            expected_ms = latency.predict(observation).mean_ms[0]
            ms = 12.0 * factor
            latency.observe(FrameResult(
                0, "", 0, Detections.empty(), decision, observation.sla,
                StageTimings(processing_ms=ms), parts=((0, ms),),
                content=observation.content,
            ))  # fmt: skip
        assert expected_ms == pytest.approx(ms, rel=0.15)
