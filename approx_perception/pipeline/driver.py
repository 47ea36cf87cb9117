"""Feed a system with a source and record what comes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.metrics.run_record import RunRecord, RunRecorder
from approx_perception.pipeline.failures import FrameFailures
from approx_perception.structures import SLA, Frame, FrameResult

__all__ = ["Conditions", "Driver", "System"]


class System(Protocol):
    """Anything that turns frames into results under an SLA.

    Attributes
    ----------
    sla
        In force for the next frame; set by whoever feeds it.
    """

    sla: SLA

    def process(self, frame: Frame) -> FrameResult:
        """Find the objects of a frame."""
        ...


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run is subjected to, by position of the frame.

    Attributes
    ----------
    slas
        ``{first frame: SLA}``; one for frame 0.
    levels
        ``{first frame: level of contention}``; empty where nothing is done to the machine.
    camera
        Whether frames come when a camera would deliver them, so that those that come while the
        one before is processed are dropped but for the newest; else every frame is processed.
    """

    slas: Mapping[int, SLA]
    levels: Mapping[int, int]
    camera: bool = False

    def sla(self, frame: int) -> SLA:
        """In force for a frame."""
        return self.slas[max(first for first in self.slas if first <= frame)]

    def level(self, frame: int) -> int:
        """Contention during a frame; -1 where nothing is known of it."""
        return self.levels[max(first for first in self.levels if first <= frame)] if (
            self.levels
        ) else -1  # fmt: skip


class Driver:
    """Feeds one system, frame by frame, so that several systems can take turns.

    Parameters
    ----------
    system
        To be fed.
    conditions
        Of the run.
    class_map
        From the system's classes to those of the truth.
    metadata
        Of the record: system, source, configuration.
    prepare
        Called before each frame that is processed, with its position.
    """

    def __init__(
        self,
        system: System,
        conditions: Conditions,
        class_map: ClassMap,
        metadata: Mapping[str, Any],
        prepare: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._system, self._conditions, self._prepare = system, conditions, prepare
        self._class_map = class_map
        self._failures = FrameFailures(str(metadata.get("system", "the system")))
        self._recorder = RunRecorder(
            {
                **metadata, "class_names": list(class_map.truth_names),
                "has_time": conditions.camera,
            }
        )  # fmt: skip
        self._position = -1
        #: The newest frame that waits for the one before, with its position.
        self._waiting: tuple[int, LabelledFrame] | None = None
        self._free_ns = 0

    def feed(self, entry: LabelledFrame) -> tuple[Frame, FrameResult] | None:
        """Take the next frame; returns what was processed meanwhile, if anything.

        With a camera that may be the frame before, whose time has come.
        """
        self._position += 1
        if not self._conditions.camera:
            return self._process(self._position, entry)
        result = None
        if self._waiting is not None:
            position, waiting = self._waiting
            if max(self._free_ns, waiting.frame.stamp_ns) <= entry.frame.stamp_ns:
                result = self._process(position, waiting)
            else:
                self._drop(position, waiting)
        self._waiting = (self._position, entry)
        return result

    def flush(self) -> tuple[Frame, FrameResult] | None:
        """Process the frame that waits, if one does; no other frame may come after it."""
        waiting, self._waiting = self._waiting, None
        return None if waiting is None else self._process(*waiting)

    def finish(self) -> RunRecord:
        """Process what waits, and return the record.

        Raises
        ------
        InferenceError
            If every frame failed.
        """
        self.flush()
        self._failures.tell()
        return self._recorder.finish()

    def _process(self, position: int, entry: LabelledFrame) -> tuple[Frame, FrameResult] | None:
        self._prepare(position)
        self._system.sla = self._conditions.sla(position)
        result = self._failures.attempt(self._system.process, entry.frame)
        if result is None:
            # As nothing came of it: its objects were missed.
            self._drop(position, entry)
            return None
        published_ns = 0
        if self._conditions.camera:
            start_ns = max(self._free_ns, entry.frame.stamp_ns)
            self._free_ns = published_ns = start_ns + round(result.timings.processing_ms * 1e6)
        kept = replace(result, output=self._class_map.apply(result.detections))
        level = self._conditions.level(position)
        self._recorder.add(entry.frame, kept, entry.ground_truth, published_ns, level)
        return entry.frame, result

    def _drop(self, position: int, entry: LabelledFrame) -> None:
        level = self._conditions.level(position)
        self._recorder.add(entry.frame, None, entry.ground_truth, contention_level=level)
