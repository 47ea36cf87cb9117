"""Ours and a plain node under a camera of 30 Hz, with and without contention."""

import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from approx_perception.datasets import open_source
from approx_perception.machine import core_count
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel
from approx_perception.ros.recorder import RecordedFrame
from approx_perception.ros.session import Session

__all__ = ["NodeFigures", "NodeSetup", "node_figures"]

SLA_MS = 33.0
_SETTLE_S = 2.0
_SCORE = 0.05


@dataclass(frozen=True)
class NodeSetup:
    """What both nodes run on.

    Attributes
    ----------
    detector, weights, shape
        The network, and the one size that the plain node has.
    source, frames
        What the camera shows, over and over.
    phase_s
        How long each condition lasts.
    """

    detector: str
    weights: str
    shape: int
    source: str = "synthetic:mixed:test"
    frames: int = 600
    phase_s: float = 15.0


@dataclass(frozen=True)
class NodeFigures:
    """Of one node under one condition.

    Attributes
    ----------
    node, condition
        Which.
    dropped
        Share of the camera's images without a result.
    age_ms, age_p95_ms, processing_p95_ms
        From stamp to publishing, and of the processing.
    late
        Share of results that took longer than the SLA.
    ap50
        Of the results, where the network knows the classes; nan else.
    """

    node: str
    condition: str
    dropped: float
    age_ms: float
    age_p95_ms: float
    processing_p95_ms: float
    late: float
    ap50: float


def node_figures(setup: NodeSetup) -> Iterator[NodeFigures]:
    """Each node twice, in turns; figures are over both times."""
    recorded: dict[tuple[str, str], list[RecordedFrame]] = {}
    sent: dict[tuple[str, str], int] = {}
    truth = _Truth(setup)
    for node in ("ours", "plain", "plain", "ours"):
        with tempfile.TemporaryDirectory() as folder, Session(Path(folder)) as session:
            _start(session, node, setup)
            for condition, cores in (("idle", 0), ("contended", core_count())):
                load = ContentionGenerator(ContentionLevel(cores)) if cores else nullcontext()
                with load:
                    frames, count = _phase(session, setup)
                truth.note(frames, session.sent())
                recorded.setdefault((node, condition), []).extend(frames)
                sent[node, condition] = sent.get((node, condition), 0) + count
    for (node, condition), frames in recorded.items():
        ages_ms = np.array([frame.age_ms for frame in frames])
        took_ms = np.array([frame.processing_ms for frame in frames])
        yield NodeFigures(
            node, condition, 1 - len(frames) / max(sent[node, condition], 1),
            float(np.median(ages_ms)), float(np.percentile(ages_ms, 95)),
            float(np.percentile(took_ms, 95)), float((took_ms > SLA_MS).mean()),
            truth.ap50(frames),
        )  # fmt: skip


def _start(session: Session, node: str, setup: NodeSetup) -> None:
    network = {"detector": setup.detector, "weights": setup.weights}
    if node == "ours":
        session.start("load_monitor_node", {})
        session.start_node({**network, "sla.latency_ms": SLA_MS, "score_threshold": _SCORE})
    else:
        session.start("bench.plain_node", {**network, "shape": setup.shape})
    session.start_player({"source": setup.source, "loop": True, "frames": setup.frames})


def _phase(session: Session, setup: NodeSetup) -> tuple[list[RecordedFrame], int]:
    """Results of the images that were sent in one phase, and how many those were."""
    session.wait(lambda: False, _SETTLE_S)
    start_ns = session.recorder.now_ns()
    session.wait(lambda: False, setup.phase_s)
    end_ns = session.recorder.now_ns()
    session.settle()
    stamps = {stamp for _, stamp in session.sent() if start_ns <= stamp < end_ns}
    frames = [f for stamp, f in session.recorder.recording.frames.items() if stamp in stamps]
    return frames, len(stamps)


class _Truth:
    """What was to be seen in each image that was sent, by stamp."""

    def __init__(self, setup: NodeSetup) -> None:
        source = open_source(setup.source, frame_count=setup.frames)
        self._objects = [entry.ground_truth for entry in source]
        self._names, self._scoring = source.class_names, scoring_of("detection")
        self._index: dict[int, int] = {}
        self._classes: dict[int, str] = {}

    def note(self, frames: list[RecordedFrame], sent: list[tuple[int, int]]) -> None:
        """Learn which image each stamp was."""
        self._index |= {stamp: index % len(self._objects) for index, stamp in sent}
        for frame in frames:
            self._classes |= frame.class_names

    def ap50(self, frames: list[RecordedFrame]) -> float:
        """Over frames whose objects are known; nan where the network has other classes."""
        known = dict(enumerate(self._names))
        if any(known.get(index) != name for index, name in self._classes.items()):
            return float("nan")
        matches = []
        for frame in frames:
            truth = self._objects[self._index[frame.stamp_ns]]
            if truth is not None:
                matches.append(self._scoring.match(frame.output, truth))
        return self._scoring.mean(matches, len(self._names))
