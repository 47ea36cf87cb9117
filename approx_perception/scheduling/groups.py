"""Groups of frames: the one place that counts them."""

import math
from collections.abc import Callable, Hashable

from approx_perception.structures import SLA, FrameResult, GroupEnded

__all__ = ["GroupTracker"]


class GroupTracker:
    """Counts the group under way, and tells listeners of each one that is over.

    A group begins with the frame that a branch is chosen for, and is over when the next one begins.
    It ends early because of a frame that failed, of what a kernel saw in its output, or of what
    the scheduler noticed; it is stretched where it goes on beyond the frames that were planned.
    """

    def __init__(self) -> None:
        #: Called with each group that is over, after the branch of the next one was chosen.
        self.listeners: list[Callable[[GroupEnded], None]] = []
        #: Whether the next frame must begin another group, and why; empty where there is no reason.
        self.is_ending, self.why = True, ""
        #: `FrameResult.own_ms` of each frame of the group.
        self.measured_ms: list[float] = []
        #: The same with what batches took for other cameras.
        self.processing_ms: list[float] = []
        #: Of the frame decided last, from 0.
        self.position = 0
        self.planned_frames = 0
        self._branch: Hashable = None
        self._sla: SLA | None = None

    def begin(self, branch: Hashable, sla: SLA, planned_frames: int) -> None:
        """Begin a group, and tell of the one before unless all its frames failed."""
        if self._branch is not None and self._sla is not None and self.measured_ms:
            measured = tuple(self.measured_ms)
            ended = GroupEnded(self._branch, self._sla, measured, self.planned_frames, self.why)
            for listener in self.listeners:
                listener(ended)
        self._branch, self._sla, self.planned_frames = branch, sla, planned_frames
        self.is_ending, self.why, self.position = False, "", 0
        self.measured_ms, self.processing_ms = [], []

    def observe(self, result: FrameResult) -> None:
        """Take in what a frame of the group took; nothing of a clock that fails."""
        if 0 < result.own_ms < math.inf:
            self.measured_ms.append(result.own_ms)
        self.processing_ms.append(result.timings.processing_ms)

    def end(self, why: str = "") -> None:
        """Let the group end with the frame before; the first reason counts."""
        self.is_ending, self.why = True, self.why or why
