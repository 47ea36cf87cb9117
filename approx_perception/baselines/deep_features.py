"""What a network's backbone makes of images, listened to from outside."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from approx_perception.detectors import Detector

__all__ = ["DeepFeatures"]


class DeepFeatures:
    """Features of the image that a detector saw last.

    Parameters
    ----------
    detector
        With `Detector.feature_listeners`.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._levels: Sequence[npt.NDArray[np.float32]] = ()

    def listen(self) -> None:
        """Keep the features of each image from now on."""
        listeners = self._detector.feature_listeners
        assert listeners is not None
        if self._keep not in listeners:
            listeners.append(self._keep)

    def _keep(self, levels: Sequence[npt.NDArray[np.float32]]) -> None:
        self._levels = levels

    def __call__(self) -> npt.NDArray[np.float64] | None:
        """``(F,)`` means over each channel, level by level; None of a batch, or before an image."""
        if not self._levels or len(self._levels[0]) != 1:
            return None
        features = np.concatenate(
            [level.mean(axis=(0, 1), dtype=np.float64) for level in self._levels]
        )
        return features if np.isfinite(features).all() else None
