"""What the parts of a space cost, by content and contention: the fitted form."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["LatencyModel"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LatencyModel:
    """Cost on the idle machine times slowdown by contention, for each of the P parts of a space.

    Attributes
    ----------
    base
        ``(P, Q)`` ms for each of the kernel's cost terms, none below 0: typical (geometric mean)
        latency of the idle machine.
    log_slowdown
        ``(P, S)`` in each of S states of contention, the idle one first.
    scatter
        ``(P, S)`` standard deviation of the log latency in each state.
    load
        ``(S, 2)`` share of CPU and GPU that others have in each state, as a monitor reads it;
        nan where unknown.
    residuals
        ``(K, R)`` quantiles of the log latency around its typical value, of each kind of frame.
    profiled_size
        ``(2,)`` width and height in px of the images that parts were timed on.
    is_profiled
        Whether contention was measured; else the states are a general slowdown of all parts.
    beside
        ``(P,)`` log slowdown of each part by what of the kernel's own runs side by side with it;
        empty where it was not measured.
    """

    base: Vector
    log_slowdown: Vector
    scatter: Vector
    load: Vector
    residuals: Vector
    profiled_size: Vector
    is_profiled: bool
    beside: Vector = field(default_factory=lambda: np.zeros(0))

    def base_ms(self, terms: Vector) -> Vector:
        """``(P,)`` typical latencies on the idle machine, of the parts' ``(P, Q)`` terms."""
        return np.asarray((self.base * terms).sum(axis=1))
