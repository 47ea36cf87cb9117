"""Bounds on scores and overlaps that pipeline, evaluation and commands share."""

__all__ = ["CLASS_AGNOSTIC_IOU", "TRACKED_SCORE"]

#: Weaker detections are not followed. Those between this and what is published continue tracks, as
#: in ByteTrack (Zhang et al. 2022).
TRACKED_SCORE = 0.05
#: A network that is not sure whether an object is a car or a truck gives both, at nearly the same
#: place. Different objects seldom overlap by more.
CLASS_AGNOSTIC_IOU = 0.7
