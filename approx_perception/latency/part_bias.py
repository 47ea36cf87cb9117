"""Online correction: what parts take beyond what model and contention explain."""

import numpy as np
import numpy.typing as npt

from approx_perception.latency import constants

__all__ = ["PartBias"]

Vector = npt.NDArray[np.float64]


class PartBias:
    """Logarithms by which the latencies of parts differ from the model.

    A Kalman filter: biases of all parts are jointly normal, and each part's is a sum of one that
    all share, one that its family shares and its own. So the first residuals of any part teach all
    of them much, later ones ever less, and what a family or a part does otherwise shows with time.

    Parameters
    ----------
    family_of
        ``(P,)`` which family each part is of.
    """

    def __init__(self, family_of: npt.NDArray[np.int64]) -> None:
        alike = family_of[:, None] == family_of
        #: ``(P,)``
        self.values: Vector = np.zeros(len(family_of))
        #: ``{(part, images): (log of what a batch takes to its images one by one, batches seen)}``
        self._batches: dict[tuple[int, int], tuple[float, int]] = {}
        self._prior = (
            constants.ALL_BIAS**2
            + constants.FAMILY_BIAS**2 * alike
            + constants.OWN_BIAS**2 * np.eye(len(alike))
        )
        self._covariance = self._prior.copy()

    def is_settled(self, part: int) -> bool:
        """Whether most of a residual is taken for noise."""
        return bool(self._covariance[part, part] < constants.NOISE**2)

    def observe(self, part: int, residual: float) -> None:
        """Put a log residual down to a part, its family and all parts."""
        residual = min(max(residual, -constants.MOST_RESIDUAL), constants.MOST_RESIDUAL)
        covariance = self._covariance
        gains = covariance[part] / (covariance[part, part] + constants.NOISE**2)
        values = (1 - constants.FORGETTING) * self.values + gains * residual
        self.values = np.clip(values, -constants.MOST_BIAS, constants.MOST_BIAS)
        covariance = covariance - np.outer(gains, covariance[part])
        self._covariance = covariance + constants.FORGETTING * (self._prior - covariance)

    def of_batch(self, part: int, batch_size: int) -> float:
        """Log ratio of a batch to its images one by one, as learned; 0 before, or of one image."""
        return self._batches.get((part, batch_size), (0.0, 0))[0]

    def observe_batch(self, part: int, batch_size: int, residual: float) -> None:
        """Put a log residual down to the batch: what an image alone takes stays as it is."""
        value, count = self._batches.get((part, batch_size), (0.0, 0))
        gain = max(1 / (count + 1), constants.SMOOTHING)
        self._batches[part, batch_size] = value + gain * residual, count + 1
