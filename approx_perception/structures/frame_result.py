"""What came of one frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from approx_perception.structures.content import ContentFeatures
from approx_perception.structures.decision import SLA, Decision
from approx_perception.structures.detections import Detections

__all__ = ["FrameResult", "StageTimings"]


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Where the time of one frame went, in ms; a stage that did not run took 0.

    Attributes
    ----------
    decode_ms
        Message or file to image.
    schedule_ms
        Image to content features to decision.
    detect_ms
        Image to detections, resizing and NMS included; of a batch, the whole batch.
    track_ms
        Image to moved boxes.
    associate_ms
        Detections to identities.
    initialize_ms
        Handing the objects to the tracker.
    features_ms
        Objects to content features.
    processing_ms
        All of it, a whole batch included: what the SLA is about.
    """

    decode_ms: float = 0.0
    schedule_ms: float = 0.0
    detect_ms: float = 0.0
    track_ms: float = 0.0
    associate_ms: float = 0.0
    initialize_ms: float = 0.0
    features_ms: float = 0.0
    processing_ms: float = 0.0

    @property
    def stages(self) -> Mapping[str, float]:
        """What the kernel's own stages took, by name; of a batch, the whole batch."""
        names = ("detect", "track", "associate", "initialize", "features")
        return {name: getattr(self, f"{name}_ms") for name in names}


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
        As the output shows it.
    why_end
        What in the output should end the group early; empty for nothing.
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
    content: ContentFeatures = field(default_factory=ContentFeatures)
    why_end: str = ""

    @property
    def detections(self) -> Detections:
        """Output of a kernel that detects."""
        detections: Detections = self.output
        return detections

    @property
    def own_detect_ms(self) -> float:
        """What a detection took of it: of a batch this image's part."""
        return self.timings.detect_ms / self.batch_size

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
