"""Decisions on a long list of events are those that were recorded.

A redesign must not change them. What is meant to change them records them anew, in a commit that
says why: ``python -m test.scheduling.test_recorded_decisions``.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.scheduling import MostAccurate, Scheduler
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Detections,
    FrameResult,
    LoadReading,
    Observation,
    SlaScope,
    StageTimings,
)

RECORDED = Path(__file__).with_name("recorded_decisions.json")
SPACE = BranchSpace(
    "recorded", [160, 320, 480], [10, 100], [1, 2, 4, 8],
    [TrackerSettings("median_flow", 4), TrackerSettings("kcf", 2)],
)  # fmt: skip
SETTINGS, TRACKERS, STATES = 6, 2, 9
COSTS = DetectionCosts(SPACE)
FRAMES = 640
#: From which frame on: SLA; slowdown of the machine; what a load monitor says, a little later.
SLAS = {
    0: SLA(60.0), 120: SLA(25.0), 200: SLA(25.0, 0.95, SlaScope.GOF),
    300: SLA(12.0, 0.9, SlaScope.GOF), 380: SLA(100.0, 0.99), 440: SLA(40.0, 0.95, SlaScope.GOF),
    560: SLA(3.0), 590: SLA(45.0),
}  # fmt: skip
SLOWDOWN = {0: 1.0, 60: 2.0, 100: 1.0, 240: 1.5, 280: 3.0, 340: 1.0, 470: 2.2, 520: 1.2}
LOADS = {0: None, 90: 0.0, 245: 0.3, 286: 0.8, 345: 0.05, 400: None, 475: 0.5, 478: 0.55, 525: 0.2}
STREAMS = {
    0: ("a", (640, 480)),
    150: ("b", (640, 480)),
    410: ("b", (1280, 720)),
    500: ("c", (640, 480)),
}
OBJECTS = {0: 4, 40: 12, 130: 0, 160: 8, 221: 3, 260: 25, 330: 6, 451: 2, 490: 10, 600: 5}
#: Frames that fail, that the process was stopped in, and of which another camera's was in a batch.
FAILED, STOPPED, BATCHED = {75, 76, 77, 415}, {111, 222, 455}, set(range(530, 545))


def at(script, frame):
    return script[max(start for start in script if start <= frame)]


def model():
    """Costs rise with shape and nprop, of trackers with objects; contention slows these less."""
    rng = np.random.default_rng(5)
    detections = [[4 + s, 2.0, 0, 0] for s in (2.0, 6.0, 12.0, 20.0, 26.0, 40.0)]
    starts = [[0.4, 0.3, 0.05, 0.2], [0.8, 0.2, 0.3, 0.5]]
    steps = [[0.8, 0.6, 0.15, 0.4], [1.0, 0.3, 0.6, 1.0]]
    parts = SETTINGS + 2 * TRACKERS
    slowdown = (
        np.linspace(0, np.log(4.0), STATES) * np.where(np.arange(parts) < SETTINGS, 1, 0.7)[:, None]
    )
    scores = np.sort(rng.standard_t(4, 64))
    return LatencyModel(
        base=np.array([*detections, *starts, *steps]), log_slowdown=slowdown,
        load=np.stack([np.linspace(0, 0.9, STATES), np.full(STATES, np.nan)], axis=1),
        scatter=np.full((parts, STATES), 0.12), residuals=0.12 * np.stack([scores, scores]),
        profiled_size=np.array([640.0, 480.0]),
        is_profiled=True,
    )  # fmt: skip


class Accuracy:
    """Rises with shape and nprop, falls with si, the more the faster objects are."""

    errors = np.zeros((0, 0))

    def predict(self, content):
        speed = content.relative_speed if np.isfinite(content.relative_speed) else 0.1
        return np.array([
            0.4 + 0.15 * (b.shape // 160) + 0.05 * (b.nprop == 100)
            - (0.02 + 0.3 * speed) * np.log2(b.si) * (0.8 if b.tracker == "kcf" else 1.0)
            for b in SPACE
        ])  # fmt: skip


class Machine:
    """What parts really take: not quite as the model says, noisy, slower under contention."""

    def __init__(self):
        rng = np.random.default_rng(11)
        self._model = model()
        parts = len(SPACE.compiled.parts)
        self._noise = 0.12 * rng.standard_t(4, (FRAMES, parts))
        self._wrong = rng.normal(0, 0.15, parts)

    def ms(self, frame, part, content, size):
        slowdown = np.log(at(SLOWDOWN, frame)) * (1.0 if part < SETTINGS else 0.7)
        base_ms = float(self._model.base_ms(COSTS(content, size, (640, 480)))[part])
        return base_ms * float(np.exp(slowdown + self._wrong[part] + self._noise[frame, part]))


def found_at(frame):
    count = at(OBJECTS, frame)
    sides = 20.0 + 5.0 * np.arange(count)
    boxes = np.stack([0 * sides, 0 * sides, sides, sides], axis=1)
    return Detections.from_arrays(boxes, np.ones(count), np.zeros(count))


def parts_of(decision):
    kind = SPACE.compiled.kinds.index(decision.kind)
    return SPACE.compiled.parts_of(SPACE.index(decision.branch), kind)


def result_of(machine, frame, decision, sla, before, found, size):
    """The frame as the machine would have processed it."""
    parts = parts_of(decision)
    after = ContentFeatures.of_objects(found)
    # A step moves what was there before; what starts the tracker is found in this frame.
    content = after if decision.starts_group else ContentFeatures.of_objects(before)
    ms = [machine.ms(frame, part, content, size) for part in parts]
    batch_size = 2 if frame in BATCHED and decision.starts_group else 1
    others_ms = 0.7 * ms[0] * (batch_size - 1)
    stopped_ms = 4000.0 if frame in STOPPED else 0.0
    timings = StageTimings(processing_ms=sum(ms) + others_ms + stopped_ms + 1.0)
    lost = len(before) - len(found)
    why_end = "many lost at once" if lost > len(before) / 2 and not decision.starts_group else ""
    return FrameResult(
        0, "", frame, found, decision, sla, timings, batch_size,
        tuple(zip(parts, ms, strict=True)), others_ms, after, why_end,
    )  # fmt: skip


def play():
    """One row a frame: branch, whether it starts a group, latency expected, reason."""
    scheduler = Scheduler(SPACE, MostAccurate(), AdaptiveLatency(SPACE, model(), COSTS), Accuracy())
    machine, rows, before = Machine(), [], Detections.empty()
    for frame in range(FRAMES):
        if frame == 610:
            scheduler.allowed = np.array([branch.si > 1 for branch in SPACE])
        sla, (source, size) = at(SLAS, frame), at(STREAMS, frame)
        known = frame - max(start for start in STREAMS if start <= frame) > 0
        content = ContentFeatures.of_objects(before)
        content = ContentFeatures(
            len(before), content.total_area_px2, float(len(before)), 0.15,
            0.05 + 0.2 * (frame // 90 % 3), is_known=known,
        )  # fmt: skip
        observation = Observation(sla, content, source, size, LoadReading(at(LOADS, frame)))
        decision = scheduler.decide(observation)
        if frame in FAILED:
            scheduler.fail(parts_of(decision)[0], RuntimeError("no memory"))
        else:
            found = found_at(frame)
            scheduler.observe(result_of(machine, frame, decision, sla, before, found, size))
            before = found
        rows.append([
            SPACE.index(decision.branch), int(decision.starts_group),
            float(f"{decision.expected_quantile_ms:.9g}"),
        ])  # fmt: skip
    return rows


def test_decisions_are_those_that_were_recorded():
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    for frame, (now, then) in enumerate(zip(play(), recorded, strict=True)):
        assert now[:2] == then[:2], f"frame {frame}: branch and start of a group"
        assert now[2] == pytest.approx(then[2], rel=1e-6), f"frame {frame}: latency expected"


if __name__ == "__main__":
    text = ",\n".join(json.dumps(row) for row in play())
    RECORDED.write_text(f"[\n{text}\n]\n", encoding="utf-8")
