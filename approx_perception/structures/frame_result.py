"""What came of one frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from approx_perception.structures.content import Content
from approx_perception.structures.decision import SLA, Decision
from approx_perception.structures.detections import Detections

__all__ = ["BesideRun", "FrameResult", "StageTimings"]


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Where the time of one frame went, in ms.

    Attributes
    ----------
    decode_ms
        Message or file to image.
    schedule_ms
        Image to content to decision.
    processing_ms
        All of it, a whole batch included: what the SLA is about.
    stages
        What each of the kernel's own stages took, by name, as far as it ran; of a batch, the whole
        batch.
    """

    decode_ms: float = 0.0
    schedule_ms: float = 0.0
    processing_ms: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)

    def of(self, column: str) -> float:
        """What took the time of a column such as ``detect_ms``; 0 if nothing did."""
        own = {"decode_ms": self.decode_ms, "schedule_ms": self.schedule_ms,
               "processing_ms": self.processing_ms}  # fmt: skip
        return own.get(column, self.stages.get(column.removesuffix("_ms"), 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class BesideRun:
    """What ran beside the frames and came to its end before this one.

    Attributes
    ----------
    part
        Its position in `CompiledSpace.parts`.
    ms
        What it took in its own thread: nothing of the frame's time.
    delay_ms
        Age of what it found: from the stamp of the frame that it ran on to this one's.
    error
        Why it failed; None where it did not.
    """

    part: int
    ms: float
    delay_ms: float
    error: Exception | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """What a kernel made of one frame, and what that took.

    Attributes
    ----------
    stamp_ns, source_id, sequence
        The frame's, untouched.
    output
        To publish, of the kernel's own type.
    decision
        What the scheduler chose.
    sla
        In force while the frame was processed.
    timings
        What each stage took.
    batch_size
        Images of as many cameras that ran together, this one included.
    parts
        Position in `CompiledSpace.parts` of each part that ran, and what it took in ms; of a batch
        this image's part.
    others_ms
        Of the processing time, what a batch took for other cameras' images.
    content
        As the output shows it; of the kernel's own type of `Content`.
    why_end
        What in the output should end the group early; empty for nothing.
    beside
        What ran beside and was taken in on this frame, or failed; None for nothing.
    forecast
        What tells the output at later times; of the kernel's own type, None for nothing.
    """

    stamp_ns: int
    source_id: str
    sequence: int
    output: Any
    decision: Decision
    sla: SLA
    timings: StageTimings
    batch_size: int = 1
    parts: tuple[tuple[int, float], ...] = ()
    others_ms: float = 0.0
    content: Any = field(default_factory=Content)
    why_end: str = ""
    beside: BesideRun | None = None
    forecast: Any = None

    @property
    def detections(self) -> Detections:
        """Output of a kernel that detects."""
        detections: Detections = self.output
        return detections

    @property
    def taken_in(self) -> tuple[float, float]:
        """What was taken in from beside: the ms that it took, and its age then; 0 for nothing."""
        beside = self.beside
        if beside is None or beside.error is not None:
            return 0.0, 0.0
        return beside.ms, beside.delay_ms

    @property
    def own_ms(self) -> float:
        """What counts against the camera's own budget: of a batch this image's part alone.

        Cameras share the SLA's budget (`shared_budgets`), so those in a batch pay for it together.
        """
        return self.timings.processing_ms - self.others_ms

    @property
    def overhead_ms(self) -> float:
        """What took time beside the parts."""
        return self.own_ms - sum(ms for _, ms in self.parts)
