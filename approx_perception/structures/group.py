"""A group of frames that is over."""

from collections.abc import Hashable
from dataclasses import dataclass

from approx_perception.structures.decision import SLA

__all__ = ["GroupEnded"]


@dataclass(frozen=True, slots=True)
class GroupEnded:
    """A group of frames that is over, told to whoever learns of groups.

    Attributes
    ----------
    branch
        That ran.
    sla
        In force when the group began: it counts under that one.
    measured_ms
        `FrameResult.own_ms` of each of its frames, at least one, in order. Frames that failed are
        not among them.
    planned_frames
        Frames of a group of the branch; with more of them it was *stretched*.
    why
        The group *ended early*; empty where it did not.
    """

    branch: Hashable
    sla: SLA
    measured_ms: tuple[float, ...]
    planned_frames: int
    why: str = ""

    @property
    def mean_ms(self) -> float:
        """What an SLA of scope ``gof`` is about."""
        return sum(self.measured_ms) / len(self.measured_ms)
