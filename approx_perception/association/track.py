"""One object over time."""

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

__all__ = ["Track", "TrackState"]

_VELOCITY_GAIN = 0.5

Vector = npt.NDArray[np.float32]


class TrackState(Enum):
    """Life of a track."""

    TENTATIVE = "tentative"
    """Seen too seldom to be sure of; has no public identity yet."""
    CONFIRMED = "confirmed"
    """Has a public identity."""
    LOST = "lost"
    """Was confirmed and is out of sight; its identity waits for it."""


@dataclass(eq=False)
class Track:
    """One object over time.

    Attributes
    ----------
    track_id
        Its identity.
    class_id
        Never changes.
    box
        ``(4,)`` px, when last seen.
    last_seen
        Sequence number of the frame in which it was.
    hits
        Frames in which detector or tracker saw it.
    velocity
        ``(2,)`` px per frame, smoothed.
    """

    track_id: int
    class_id: int
    box: Vector
    last_seen: int
    hits: int = 1
    state: TrackState = TrackState.TENTATIVE
    velocity: Vector = field(default_factory=lambda: np.zeros(2, np.float32))

    def predict(self, sequence: int) -> Vector:
        """Box at a later frame, if it goes on as it did."""
        shift = self.velocity * np.float32(max(sequence - self.last_seen, 0))
        return self.box + np.tile(shift, 2)

    def see(self, box: Vector, sequence: int, confirm_after_hits: int) -> None:
        """Take in where it is now."""
        elapsed = max(sequence - self.last_seen, 1)
        motion = ((box[:2] + box[2:]) - (self.box[:2] + self.box[2:])) / np.float32(2 * elapsed)
        gain = np.float32(1.0 if self.hits == 1 else _VELOCITY_GAIN)
        self.velocity = (self.velocity + gain * (motion - self.velocity)).astype(np.float32)
        self.box = box
        self.last_seen = sequence
        self.hits += 1
        if self.state is not TrackState.TENTATIVE or self.hits >= confirm_after_hits:
            self.state = TrackState.CONFIRMED
