"""Policies of other systems, to compare with: they know no SLA."""

import math

import numpy as np
import numpy.typing as npt

from approx_perception.baselines.deep_features import DeepFeatures
from approx_perception.baselines.scale_regressor import ScaleRegressor
from approx_perception.branches import Branch, BranchSpace
from approx_perception.exceptions import ConfigurationError, counted
from approx_perception.scheduling.policies import Candidates, SchedulingPolicy, Selection
from approx_perception.structures import ContentFeatures, FrameResult

__all__ = ["AdaScale", "Triggered", "every_frame_branches"]

#: Motion of objects since the last detection, as a share of their size, after which the scene
#: counts as another one.
_MOTION = 0.25


def every_frame_branches(space: BranchSpace, is_open: npt.NDArray[np.bool_]) -> list[int]:
    """Positions of the branches that `AdaScale` chooses from.

    Parameters
    ----------
    space
        All branches.
    is_open
        ``(B,)`` whether a branch may be chosen.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    is_alone = space.compiled.group_frames == 1
    positions: list[int] = np.flatnonzero(is_alone & is_open).tolist()
    if not positions:
        raise ConfigurationError(
            f"the policy 'adascale' detects in every frame, but the space "
            f"{space.name!r} has no branch with si=1 that is allowed"
        )
    return positions


class AdaScale(SchedulingPolicy):
    """AdaScale (Chin et al., SysML 2019): detect in every frame, at the scale it asks for.

    A regressor reads the detector's deep features of the frame before; the first frame is detected
    at the largest scale. A network without a regressor goes by the accuracy by content instead:
    the scale that is expected to be the most accurate, the quicker of equals.

    Parameters
    ----------
    regressor, features
        Of the network; None where there is no regressor.
    """

    def __init__(
        self, regressor: ScaleRegressor | None = None, features: DeepFeatures | None = None
    ) -> None:
        self._regressor, self._features = regressor, features
        #: In px, for the next frame.
        self._wanted_px: float | None = None

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        space = candidates.space
        scales = every_frame_branches(space, candidates.is_open)
        if self._features is None:
            best = max(scales, key=lambda i: (candidates.accuracy[i], -candidates.mean_ms[i]))
            return Selection(
                best,
                f"adascale: the best of {len(scales)} scales for this content (this network has "
                "no regressor of scale)",
            )
        self._features.listen()
        wanted_px = self._wanted_px or float("inf")
        largest = max(space[i].shape for i in scales)
        nearest = min((space[i].shape for i in scales),
                      key=lambda shape: abs(math.log(shape / min(wanted_px, largest))))  # fmt: skip
        # AdaScale knows no proposals: as many as there are.
        best = max(
            (i for i in scales if space[i].shape == nearest), key=lambda i: space[i].nprop or 0
        )
        return Selection(best, f"adascale: nearest of {len(scales)} scales to {wanted_px:.0f} px")

    def observe(self, result: FrameResult) -> str:
        """See `SchedulingPolicy`: the backbone saw no image since this frame's."""
        features = None if self._features is None else self._features()
        if features is not None and self._regressor is not None and result.batch_size == 1:
            self._wanted_px = self._regressor.shape(features, result.decision.branch.shape)
        return ""


class Triggered(SchedulingPolicy):
    """MARLIN (SenSys 2019) and Glimpse (SenSys 2015): track, and detect when the scene changes.

    Theirs is a learned change detector or a difference of frames and the motion of what is tracked;
    this is the latter. Detection is not moved to the background as in MARLIN: what it costs shows.

    Parameters
    ----------
    branch
        What detects and tracks; its si is the longest time without a detection.

    Raises
    ------
    ConfigurationError
        If the branch does not track.
    """

    def __init__(self, branch: Branch) -> None:
        if branch.tracker is None:
            raise ConfigurationError(
                f"the policy 'triggered' needs a branch that tracks, not {branch}: name one with "
                "si above 1"
            )
        self._branch = branch
        self._motion = 0.0

    def select(self, candidates: Candidates) -> Selection:
        """See `SchedulingPolicy`."""
        self._motion = 0.0
        index = candidates.space.index(self._branch)
        return Selection(
            index, f"{counted(self._branch.si, 'frame')} without a change of the scene"
        )

    def observe(self, result: FrameResult) -> str:
        """See `SchedulingPolicy`."""
        content = result.content
        speed = content.relative_speed if isinstance(content, ContentFeatures) else math.nan
        if result.decision.starts_group or math.isnan(speed):
            return result.why_end
        self._motion += speed
        moved = f"objects moved by {self._motion:.0%} of their size"
        return moved if self._motion >= _MOTION else result.why_end
