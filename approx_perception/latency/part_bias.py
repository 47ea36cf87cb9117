"""Online correction: what parts take beyond what model and contention explain."""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["PartBias"]

Vector = npt.NDArray[np.float64]

#: Standard deviations of how far off a model is, in log: for all parts alike (a profile that was
#: made beside other work, or elsewhere), for detections or for trackers alike, for a part alone.
_ALL, _KIND, _OWN = 0.4, 0.25, 0.1
#: Of a residual around that: noise, and contention that was not sensed yet.
_NOISE = 0.25
#: Share of what was learned that is forgotten at each residual: machines and content change.
_FORGETTING = 0.005
#: Share of a residual that is put down to a batch, of which many were seen.
_LEAST_BATCH_GAIN = 0.1
_LIMIT = math.log(8.0)
_LARGEST_RESIDUAL = 1.0


class PartBias:
    """Logarithms by which the latencies of parts differ from the model.

    A Kalman filter: biases of all parts are jointly normal, and each part's is a sum of one that
    all share, one that its kind shares and its own. So the first residuals of any part teach all
    of them much, later ones ever less, and what a kind or a part does otherwise shows with time.

    Parameters
    ----------
    setting_count, tracker_count
        Parts are detector settings, initialisations and steps of trackers, in this order.
    learns
        Whether residuals change anything.
    """

    def __init__(self, setting_count: int, tracker_count: int, learns: bool) -> None:
        is_tracker = np.arange(setting_count + 2 * tracker_count) >= setting_count
        alike = is_tracker[:, None] == is_tracker
        #: ``(P,)``
        self.values: Vector = np.zeros(len(is_tracker))
        #: ``{(part, images): (log of what a batch takes to its images one by one, batches seen)}``
        self._batches: dict[tuple[int, int], tuple[float, int]] = {}
        self._prior = _ALL**2 + _KIND**2 * alike + _OWN**2 * np.eye(len(is_tracker))
        self._covariance = self._prior.copy()
        self._learns = learns

    def is_settled(self, part: int) -> bool:
        """Whether most of a residual is taken for noise; always, where nothing is learned."""
        return not self._learns or bool(self._covariance[part, part] < _NOISE**2)

    def observe(self, part: int, residual: float) -> None:
        """Put a log residual down to a part, its kind and all parts."""
        if not self._learns:
            return
        residual = min(max(residual, -_LARGEST_RESIDUAL), _LARGEST_RESIDUAL)
        covariance = self._covariance
        gains = covariance[part] / (covariance[part, part] + _NOISE**2)
        values = (1 - _FORGETTING) * self.values + gains * residual
        self.values = np.clip(values, -_LIMIT, _LIMIT)
        covariance = covariance - np.outer(gains, covariance[part])
        self._covariance = covariance + _FORGETTING * (self._prior - covariance)

    def of_batch(self, part: int, batch_size: int) -> float:
        """Log ratio of a batch to its images one by one, as learned; 0 before, or of one image."""
        return self._batches.get((part, batch_size), (0.0, 0))[0]

    def observe_batch(self, part: int, batch_size: int, residual: float) -> None:
        """Put a log residual down to the batch: what an image alone takes stays as it is."""
        if not self._learns:
            return
        value, count = self._batches.get((part, batch_size), (0.0, 0))
        gain = max(1 / (count + 1), _LEAST_BATCH_GAIN)
        self._batches[part, batch_size] = value + gain * residual, count + 1
