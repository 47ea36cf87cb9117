"""How far the budget may be stretched while fewer frames are late than the SLA allows."""

import math

from approx_perception.structures import SLA, FrameResult, SlaScope

__all__ = ["Allowance"]

#: Share of the violations allowed that is aimed at; the rest is for steps of contention.
_AIM = 0.6
#: Step, in log latency for a violation; a frame in time takes back its share of it.
_GAIN = 0.1
#: Furthest that the budget is stretched, in log.
_LIMIT = math.log(1.25)


class Allowance:
    """Adaptive conformal inference on the SLA itself (Gibbs and Candès, NeurIPS 2021).

    Predicted quantiles are calibrated branch by branch, but the branch that runs takes less than
    the budget, so that fewer frames are late than the user allows. The budget is stretched a
    little with each frame (or group, in scope ``gof``) in time and shrinks with each late one,
    back to the SLA and never below: the share of late ones approaches 0.6 of what is allowed, or
    stays below it where nothing dearer is worth having.
    """

    def __init__(self) -> None:
        self._log_stretch = 0.0
        self._group_ms: list[float] = []
        self._sla: SLA | None = None

    def stretch(self, sla: SLA) -> float:
        """Return what to multiply the SLA's latency by, 1 to 1.25; 1 for an SLA that is new."""
        return math.exp(self._log_stretch) if sla == self._sla else 1.0

    def observe(self, result: FrameResult) -> None:
        """Count a frame, or a group that ended with the frame before."""
        sla = result.sla
        if sla != self._sla:
            self._sla, self._log_stretch, self._group_ms = sla, 0.0, []
        if sla.scope is SlaScope.FRAME:
            self._count(result.timings.processing_ms > sla.latency_ms, sla)
            return
        if result.decision.run_detector:
            if self._group_ms:
                mean_ms = sum(self._group_ms) / len(self._group_ms)
                self._count(mean_ms > sla.latency_ms, sla)
            self._group_ms = []
        self._group_ms.append(result.timings.processing_ms)

    def _count(self, is_late: bool, sla: SLA) -> None:
        self._log_stretch += _GAIN * (_AIM * (1 - sla.quantile) - is_late)
        self._log_stretch = min(max(self._log_stretch, 0.0), _LIMIT)
