"""Records of runs that tests make up."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from approx_perception.branches import Branch
from approx_perception.datasets.class_map import ClassMap
from approx_perception.metrics.run_recorder import RunRecorder
from approx_perception.structures import (
    SLA,
    Classification,
    Content,
    Decision,
    Detections,
    Frame,
    FrameResult,
    GroundTruth,
    StageTimings,
)

PERIOD_NS = 100_000_000
IMAGE = np.zeros((100, 200, 3), np.uint8)
NOTHING = Detections.empty()
FRAME_SLA, SMALL = SLA(50.0), Branch(160)


def truth(boxes, ids=None, classes=None, ignored=None):
    count = len(boxes)
    return GroundTruth(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(classes or [0] * count, np.int64),
        np.array(ids if ids is not None else range(count), np.int64),
        np.array(ignored or [False] * count, bool),
    )


def found(boxes, scores=None, ids=None, classes=None):
    count = len(boxes)
    scores = [0.9] * count if scores is None else scores
    detections = Detections.from_arrays(boxes, scores, classes or [0] * count)
    track_ids = np.array(ids if ids is not None else [-1] * count, np.int64)
    return Detections(
        detections.boxes, detections.scores, detections.class_ids, track_ids, detections.ages
    )


def classes(*ids, scores=None):
    """Classification of a whole image, the likeliest class first."""
    scores = scores or [0.5 / (rank + 1) for rank in range(len(ids))]
    return Classification(
        np.array([ids], np.int64), np.array([scores], np.float32),
        np.array([[0, 0, 200, 100]], np.float32), np.array([-1]),
    )  # fmt: skip


@dataclass
class Row:
    """One frame of a record."""

    found: Any = field(default_factory=Detections.empty)
    truth: GroundTruth | None = None
    ms: float = 10.0
    detected: bool = True
    dropped: bool = False
    sla: SLA = FRAME_SLA
    level: int = -1
    expected_ms: float = 10.0
    branch: Branch = SMALL
    #: Of the output after the frame's stamp.
    delay_ms: float | None = None
    #: Of the fastest branch, where none fits.
    fastest_ms: float | None = None
    content: Content = field(default_factory=Content)


def recorder_of(rows, names=("thing",), truth_names=None, **metadata):
    """Recorder that has taken in nothing yet."""
    has_time = any(row.delay_ms is not None for row in rows)
    return RunRecorder(
        {
            "system": "ours", "source": "made_up", "source_name": "made_up", "topic": None,
            "has_time": has_time, "fps": 10.0, "data_hash": "00",
            "network": "none", "score_floor": 0.05,
            "configuration": {
                "system": "ours",
                "sla": {"latency_ms": 50.0, "quantile": 0.95, "scope": "frame"},
            },
            "clock": "none", "levels": [], "environment": {}, **metadata,
        },
        ClassMap(names, truth_names or names),
    )  # fmt: skip


def add_row(recorder, index, row, image=None):
    """Frame at its place, 100 ms after the one before."""
    stamp_ns = (index + 1) * PERIOD_NS
    frame = Frame(IMAGE if image is None else image, stamp_ns, "made_up", index)
    if row.dropped:
        recorder.add(frame, None, row.truth, contention_level=row.level)
        return
    decision = Decision(
        row.branch, "detect" if row.detected else "track", row.detected, False, row.expected_ms,
        1.2 * row.expected_ms, 0.5, "because", fits=row.fastest_ms is None,
        fastest_ms=row.fastest_ms or 5.0,
    )  # fmt: skip
    timings = StageTimings(processing_ms=row.ms, stages={"detect": row.ms} if row.detected else {})
    result = FrameResult(stamp_ns, "made_up", index, row.found, decision, row.sla, timings,
                         content=row.content)  # fmt: skip
    delay_ms = row.ms if row.delay_ms is None else row.delay_ms
    recorder.add(frame, result, row.truth, stamp_ns + round(delay_ms * 1e6), row.level)


def image_of(source, number):
    """Image of a source that no other source has."""
    image = IMAGE.copy()
    image[0, :8] = np.frombuffer(f"{source:>16.16}{number:8}".encode(), np.uint8).reshape(8, 3)
    return image


def record(rows, names=("thing",), images=None, **metadata):
    """RunRecord of the rows, 100 ms apart; ``images``: source and first of its images."""
    recorder = recorder_of(rows, names, **metadata)
    source, first = images or (metadata.get("source", "made_up"), 0)
    for index, row in enumerate(rows):
        add_row(recorder, index, row, image_of(source, first + index))
    return recorder.finish()
