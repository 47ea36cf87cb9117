"""What a network's backbone makes of images, listened to from outside."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DeepFeatures"]


class DeepFeatures:
    """Features of the image that a backbone saw last.

    Parameters
    ----------
    backbone
        A module of PyTorch that gives a mapping from levels to ``(N, C, H, W)``.
    """

    def __init__(self, backbone: Any) -> None:
        self._backbone = backbone
        self._levels: Mapping[str, Any] | None = None
        self._is_listening = False

    def listen(self) -> None:
        """Keep the features of each image from now on."""
        if not self._is_listening:
            self._backbone.register_forward_hook(self._keep)
            self._is_listening = True

    def _keep(self, _module: Any, _inputs: Any, levels: Mapping[str, Any]) -> None:
        self._levels = levels

    def __call__(self) -> npt.NDArray[np.float64] | None:
        """``(F,)`` means over each channel, level by level; None of a batch, or before an image."""
        if self._levels is None or any(len(level) != 1 for level in self._levels.values()):
            return None
        means = [level.float().mean(dim=(0, 2, 3)).cpu() for level in self._levels.values()]
        features = np.concatenate([mean.numpy() for mean in means]).astype(np.float64)
        return features if np.isfinite(features).all() else None
