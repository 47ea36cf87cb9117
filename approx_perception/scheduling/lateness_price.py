"""What a late frame costs, in AP50: dearer the more of the last frames were late."""

import math
from collections import deque

from approx_perception.scheduling import constants
from approx_perception.structures import SLA, FrameResult, GroupEnded, SlaScope

__all__ = ["LatenessPrice"]


class LatenessPrice:
    """Dual ascent on the SLA: the Lagrange multiplier of "at most 1 - q of frames are late".

    The most accurate branch *inside* a quantile leaves unused what the SLA allows, for it is
    mostly well inside. To maximise accuracy subject to a share of late frames is a constrained
    problem, whose multiplier rises with each violation and falls with each frame in time (Neely,
    Stochastic Network Optimization, 2010, chapter 4): violations are so spent where they gain most.
    Frames count in scope ``frame``, groups in scope ``gof``.

    Only the last frames count (`constants.MEMORY`), and only what they leave of the violations
    allowed may be spent: see `has_room`.
    """

    def __init__(self) -> None:
        self._sla: SLA | None = None
        #: Whether each of the last frames or groups was late.
        self._late: deque[bool] = deque(maxlen=constants.MEMORY)
        #: Frames or groups in time since the last late one, or since `explored`.
        self._in_time = 0

    @property
    def ap50(self) -> float:
        """For a certain violation."""
        return math.exp(-constants.PRICE_GAIN * self._left)

    @property
    def has_room(self) -> bool:
        """Whether no more than one violation beyond what is aimed at is spent."""
        return self._left > -1

    @property
    def may_explore(self) -> bool:
        """Whether so many were in time that a branch of unknown cost may be tried."""
        return self._in_time >= constants.EXPLORE and self.has_room

    def explored(self) -> None:
        """Take in that one is tried."""
        self._in_time = 0

    @property
    def _left(self) -> float:
        """Violations that the last frames leave of those aimed at; below 0 if there were more."""
        allowed = 0.0 if self._sla is None else 1 - self._sla.quantile
        return constants.AIM * allowed * len(self._late) - sum(self._late)

    def serve(self, sla: SLA) -> None:
        """Take in the SLA in force; another one begins anew."""
        if sla != self._sla:
            self._sla = sla
            self._late.clear()
            self._in_time = 0

    def observe(self, result: FrameResult) -> None:
        """Count a frame."""
        if result.sla.scope is SlaScope.FRAME:
            self._count(result.own_ms, result.sla)

    def group_ended(self, group: GroupEnded) -> None:
        """Count a group."""
        if group.sla.scope is SlaScope.GOF:
            self._count(group.mean_ms, group.sla)

    def _count(self, latency_ms: float, sla: SLA) -> None:
        if sla == self._sla:
            is_late = latency_ms > sla.latency_ms
            self._late.append(is_late)
            self._in_time = 0 if is_late else self._in_time + 1
