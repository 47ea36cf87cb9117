"""One object over time."""

from dataclasses import dataclass
from enum import Enum

from approx_perception.association.motion import Motion

__all__ = ["Track", "TrackState"]


class TrackState(Enum):
    """Life of a track."""

    TENTATIVE = "tentative"
    """Not sure yet; has no public identity."""
    CONFIRMED = "confirmed"
    """Has a public identity."""
    LOST = "lost"
    """Was confirmed and is out of sight; its identity waits for it."""


@dataclass(eq=False, slots=True)
class Track:
    """One object over time.

    Attributes
    ----------
    track_id
        Its identity.
    class_id
        Of its first detection.
    motion
        Where it is and goes.
    born_s, seen_s
        When it was seen first and last.
    best_score
        Of its detections.
    hits
        Frames in which detector or tracker saw it.
    """

    track_id: int
    class_id: int
    motion: Motion
    born_s: float
    seen_s: float
    best_score: float
    hits: int = 1
    state: TrackState = TrackState.TENTATIVE
