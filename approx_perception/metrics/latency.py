"""What a run's latencies were against its SLAs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.structures import SlaScope

__all__ = ["LatencySummary", "group_means_ms", "summarize_latency", "violation_share"]


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Distribution of n latencies in ms; nan where n is 0."""

    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def summarize_latency(latencies_ms: Sequence[float] | npt.NDArray[np.float64]) -> LatencySummary:
    """Summarise latencies; an empty sequence gives nan."""
    values = np.asarray(latencies_ms, np.float64)
    if not len(values):
        return LatencySummary(0, *[float("nan")] * 5)
    p50, p95, p99 = (float(value) for value in np.percentile(values, [50, 95, 99]))
    return LatencySummary(len(values), float(values.mean()), p50, p95, p99, float(values.max()))


def group_means_ms(
    latencies_ms: npt.NDArray[np.float64], starts_group: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Mean latency of each frame's group, ``(N,)``; frames before the first start are a group."""
    if not len(latencies_ms):
        return np.zeros(0)
    group = np.cumsum(starts_group) - int(starts_group[0])
    means = np.bincount(group, latencies_ms) / np.bincount(group)
    return np.asarray(means[group])


def violation_share(
    latencies_ms: npt.NDArray[np.float64],
    starts_group: npt.NDArray[np.bool_],
    sla_ms: npt.NDArray[np.float64],
    scope: SlaScope,
) -> float:
    """Share of frames over the SLA, or of groups in scope ``gof``; ``(N,)`` each, nan for N = 0."""
    if not len(latencies_ms):
        return float("nan")
    if scope is SlaScope.FRAME:
        return float((latencies_ms > sla_ms).mean())
    first = starts_group.copy()
    first[0] = True
    return float((group_means_ms(latencies_ms, first) > sla_ms)[first].mean())
