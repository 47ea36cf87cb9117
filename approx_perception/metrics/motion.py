"""Slow, medium and fast objects, as in evaluations on ImageNet VID.

Zhu et al., Flow-Guided Feature Aggregation (ICCV 2017), section 5: the motion IoU of an object is
its mean IoU with itself in the frames up to 10 before and after; slow objects have more than 0.9,
fast ones less than 0.7.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from approx_perception.structures import GroundTruth
from approx_perception.structures.boxes import ious
from approx_perception.structures.columns import PartsView, joined_in_blocks

__all__ = ["MOTIONS", "Motion", "motion_ious", "only_motion"]

Motion = Literal["slow", "medium", "fast"]
MOTIONS: tuple[Motion, ...] = ("slow", "medium", "fast")

_REACH_FRAMES = 10
_SLOW_ABOVE, _FAST_BELOW = 0.9, 0.7

Vector = npt.NDArray[np.float64]


def motion_ious(truths: Iterable[GroundTruth]) -> PartsView:
    """Motion IoU of every object of every frame.

    Parameters
    ----------
    truths
        Of successive frames of one source.

    Returns
    -------
    PartsView
        ``(N,)`` of each frame; 1 for an object that is seen in one frame only, as nothing says
        that it moves.
    """
    parts = (
        (truth.boxes, truth.track_ids, np.full(len(truth), frame), np.array([len(truth)]))
        for frame, truth in enumerate(truths)
    )
    nothing = np.zeros(0, np.int64)
    boxes, track_ids, frames, counts = joined_in_blocks(
        parts, (np.zeros((0, 4), np.float32), nothing, nothing, nothing)
    )
    # Sorted by object and frame, so that an object can be looked up in any other frame.
    _, tracks = np.unique(track_ids, return_inverse=True)
    stride = len(counts) + 2 * _REACH_FRAMES
    keys = tracks * stride + frames + _REACH_FRAMES
    order = np.argsort(keys)
    keys = keys[order]
    total, known = np.zeros(len(boxes)), np.zeros(len(boxes), np.int64)
    for offset in (*range(-_REACH_FRAMES, 0), *range(1, _REACH_FRAMES + 1)):
        places = np.minimum(np.searchsorted(keys, keys + offset), len(keys) - 1)
        seen = keys[places] == keys + offset
        here, there = order[seen], order[places[seen]]
        total[here] += ious(boxes[here], boxes[there])
        known[here] += 1
    means = np.divide(total, known, out=np.ones(len(boxes)), where=known > 0)
    return PartsView(means, counts)


def only_motion(truth: GroundTruth, ious: Vector, motion: Motion) -> GroundTruth:
    """Truth in which all objects of other motion are ignored."""
    is_slow, is_fast = ious > _SLOW_ABOVE, ious < _FAST_BELOW
    wanted = {"slow": is_slow, "fast": is_fast, "medium": ~is_slow & ~is_fast}[motion]
    return replace(truth, ignored=truth.ignored | ~wanted)
