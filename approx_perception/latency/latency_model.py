"""What the parts of a space cost, by content and contention: the fitted form."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.structures import ContentFeatures

__all__ = ["BASE_FEATURES", "LatencyModel", "base_features"]

Vector = npt.NDArray[np.float64]

#: Terms of a part's cost in ms; of a detection only the first two count.
BASE_FEATURES = ("constant", "image_mpx", "object_count", "objects_mpx")


def base_features(content: ContentFeatures, image_size: tuple[int, int]) -> Vector:
    """``(4,)`` of `BASE_FEATURES`."""
    image_mpx = image_size[0] * image_size[1] / 1e6
    return np.array([1.0, image_mpx, content.object_count, content.total_area_px2 / 1e6])


@dataclass(frozen=True, slots=True, eq=False)
class LatencyModel:
    """Cost on the idle machine times slowdown by contention, for each part of a space.

    Parts are, in this order, the D detector settings, the initialisation of the T trackers and
    their step: P = D + 2 T.

    Attributes
    ----------
    base
        ``(P, 4)`` costs in ms for each unit of `BASE_FEATURES`, none below 0: typical (geometric
        mean) latency of the idle machine.
    log_slowdown
        ``(P, S)`` in each of S states of contention, the idle one first.
    load
        ``(S, 2)`` share of CPU and GPU that others have in each state, as a monitor reads it;
        nan where unknown.
    scatter
        ``(P, S)`` standard deviation of the log latency in each state.
    detection_scores, tracking_scores
        Quantiles of the log residuals of detections and tracker steps, each divided by its
        scatter.
    switching_ms
        ``(D, D)`` what the first detection in a column's setting takes longer after a row's.
    profiled_size
        ``(2,)`` width and height in px of the images that detections were timed on.
    is_profiled
        Whether contention was measured; else the states are a general slowdown of all parts.
    """

    base: Vector
    log_slowdown: Vector
    load: Vector
    scatter: Vector
    detection_scores: Vector
    tracking_scores: Vector
    switching_ms: Vector
    profiled_size: Vector
    is_profiled: bool

    @property
    def setting_count(self) -> int:
        """D."""
        return len(self.switching_ms)

    @property
    def tracker_count(self) -> int:
        """T."""
        return (len(self.base) - self.setting_count) // 2

    def base_ms(
        self, content: ContentFeatures, image_size: tuple[int, int], extra_ms: Vector | float = 0.0
    ) -> Vector:
        """``(P,)`` typical latencies on the idle machine; trackers without objects cost nothing.

        ``extra_ms``, ``(D,)``, is what detections take longer for images of another aspect than was
        profiled.
        """
        costs = self.base @ base_features(content, image_size)
        costs[: self.setting_count] += extra_ms
        if content.object_count == 0:
            costs[self.setting_count :] = 0.0
        return costs

    @property
    def residuals(self) -> tuple[Vector, Vector]:
        """Log residuals of detections and of tracker steps, of all parts and states together."""
        detections, others = self.scatter[: self.setting_count], self.scatter[self.setting_count :]
        return (
            self.detection_scores * detections.mean(),
            # A space without trackers has none to follow.
            self.tracking_scores * (others if others.size else detections).mean(),
        )
