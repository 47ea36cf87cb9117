"""Baselines by name; imported only when one is asked for."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.baselines.deep_features import DeepFeatures
from approx_perception.baselines.fit_original import original_of_profile
from approx_perception.baselines.original_latency import OriginalLatency
from approx_perception.baselines.original_policy import OriginalPolicy
from approx_perception.baselines.policies import AdaScale, Triggered
from approx_perception.baselines.scale_regressor import ScaleRegressor
from approx_perception.branches import Branch, BranchSpace
from approx_perception.detectors import Detector
from approx_perception.exceptions import ConfigurationError
from approx_perception.scheduling import SchedulingPolicy

__all__ = ["create_baseline"]


def create_baseline(
    name: str,
    branch: Branch,
    space: BranchSpace,
    accuracy: npt.NDArray[np.float64],
    detector: Detector | None,
    profile: Path | None,
) -> SchedulingPolicy:
    """Build the policy of that name; parameters are those of `PolicyFactory`.

    Raises
    ------
    ConfigurationError
        If it cannot be had with this branch, or without a profile.
    """
    if name == "adascale":
        return _adascale(detector)
    if name == "triggered":
        space.index(branch)
        return Triggered(branch)
    if profile is None:
        raise ConfigurationError(
            "the policy 'approxdet' needs a profile of this machine: make one with "
            "approx-perception profile and name it"
        )
    latency = OriginalLatency(space, original_of_profile(profile, space))
    return OriginalPolicy(latency, accuracy)


def _adascale(detector: Detector | None) -> AdaScale:
    # Regressors are trained for networks with a backbone alone.
    if detector is None or detector.feature_listeners is None:
        return AdaScale()
    regressor = ScaleRegressor.beside_weights(detector)
    return AdaScale() if regressor is None else AdaScale(regressor, DeepFeatures(detector))
