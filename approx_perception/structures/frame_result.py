"""What came of one frame."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """Objects of one frame and how they were found.

    Attributes
    ----------
    stamp_ns, source_id, sequence
        The frame's, untouched.
    detections
        Objects to publish.
    decision
        What the scheduler chose.
    sla
        In force while the frame was processed.
    timings
        What each stage took.
    batch_size
        Images of as many cameras that were detected together, this one included.
    """

    stamp_ns: int
    source_id: str
    sequence: int
    detections: Detections
    decision: Decision
    sla: SLA
    timings: StageTimings
    batch_size: int = 1

    @property
    def own_detect_ms(self) -> float:
        """What a detection took of it: of a batch this image's part."""
        return self.timings.detect_ms / self.batch_size

    @property
    def own_ms(self) -> float:
        """What counts against the camera's own budget: of a batch this image's part alone.

        Cameras share the SLA's budget (`shared_budgets`), so those in a batch pay for it together.
        """
        return self.timings.processing_ms - self.timings.detect_ms + self.own_detect_ms
