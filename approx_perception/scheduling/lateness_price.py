"""What a late frame costs, in AP50: dearer the more frames were late."""

import math

from approx_perception.scheduling import constants
from approx_perception.structures import SLA, FrameResult, GroupEnded, SlaScope

__all__ = ["LatenessPrice"]


class LatenessPrice:
    """Dual ascent on the SLA: the Lagrange multiplier of "at most 1 - q of frames are late".

    The most accurate branch *inside* a quantile leaves unused what the SLA allows, for it is
    mostly well inside. To maximise accuracy subject to a long-run share of late frames is a
    constrained problem, whose multiplier rises with each violation and falls with each frame in
    time (Neely, Stochastic Network Optimization, 2010, chapter 4): violations are so spent where
    they gain most. Frames count in scope ``frame``, groups in scope ``gof``.

    While the price is below its upper limit, any T frames hold at most
    0.85 (1 - q) T + log(20 / 0.1) / 0.15 = 0.85 (1 - q) T + 35 late ones (aim, limits and gain of
    `constants`); at its limit, branches are chosen for being in time alone, and what is late still
    could not be helped.
    """

    def __init__(self) -> None:
        self._sla: SLA | None = None
        self._log_price = math.log(constants.FIRST_PRICE)

    @property
    def ap50(self) -> float:
        """For a certain violation."""
        return math.exp(self._log_price)

    def serve(self, sla: SLA) -> None:
        """Take in the SLA in force; another one begins anew."""
        if sla != self._sla:
            self._sla, self._log_price = sla, math.log(constants.FIRST_PRICE)

    def observe(self, result: FrameResult) -> None:
        """Count a frame."""
        if result.sla.scope is SlaScope.FRAME:
            self._count(result.own_ms, result.sla)

    def group_ended(self, group: GroupEnded) -> None:
        """Count a group."""
        if group.sla.scope is SlaScope.GOF:
            self._count(group.mean_ms, group.sla)

    def _count(self, latency_ms: float, sla: SLA) -> None:
        if sla != self._sla:
            return
        is_late = latency_ms > sla.latency_ms
        self._log_price += constants.PRICE_GAIN * (is_late - constants.AIM * (1 - sla.quantile))
        least, most = map(math.log, constants.PRICE_LIMITS)
        self._log_price = min(max(self._log_price, least), most)
