"""Policies of other systems, to compare with: they know no SLA."""

import math

from approx_perception.branches import Branch
from approx_perception.exceptions import ConfigurationError
from approx_perception.scheduling.policies import Candidates, Memoryless, Selection
from approx_perception.structures import Observation

__all__ = ["ScaleByContent", "Triggered"]

#: Change of a thumbnail's brightness, summed over the frames since the last detection, after
#: which the scene counts as another one.
_CHANGE = 0.08


class ScaleByContent(Memoryless):
    """AdaScale (Chin et al., SysML 2019): detect in every frame, at the best scale for its content.

    There a regressor of scale reads the detector's deep features of the frame before. Here it is
    the accuracy by content, fitted on the synthetic set, read at the branches with si = 1: the
    scale that is expected to be the most accurate, the quicker of equals.
    """

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        is_open = candidates.is_open
        scales = [i for i, b in enumerate(candidates.space) if b.si == 1 and is_open[i]]
        if not scales:
            raise ConfigurationError(
                f"the policy 'adascale' detects in every frame, but the space "
                f"{candidates.space.name!r} has no branch with si=1 that is allowed"
            )
        best = max(scales, key=lambda i: (candidates.accuracy[i], -candidates.mean_ms[i]))
        return Selection(best, f"adascale: the best of {len(scales)} scales for this content")


class Triggered(Memoryless):
    """MARLIN (SenSys 2019) and Glimpse (SenSys 2015): track, and detect when the scene changes.

    Theirs is a learned change detector or a difference of frames; this is the latter, on a
    thumbnail. Detection is not moved to the background as in MARLIN: what it costs shows.

    Parameters
    ----------
    branch
        What detects and tracks; its si is the longest time without a detection.

    Raises
    ------
    ConfigurationError
        If the branch does not track.
    """

    wants_image_features = True

    def __init__(self, branch: Branch) -> None:
        if branch.tracker is None:
            raise ConfigurationError(
                f"the policy 'triggered' needs a branch that tracks, not {branch}: name one with "
                "si above 1"
            )
        self._branch = branch
        self._change = 0.0

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        self._change = 0.0
        index = candidates.space.index(self._branch)
        return Selection(index, f"{self._branch.si} frames without a change of the scene")

    def why_detect(self, observation: Observation) -> str:
        """See `SchedulingPolicy`."""
        motion = observation.content.motion
        self._change += 0.0 if math.isnan(motion) else motion
        return f"the scene changed by {self._change:.3f}" if self._change >= _CHANGE else ""
