"""Slow, medium and fast objects, as in evaluations on ImageNet VID.

Zhu et al., Flow-Guided Feature Aggregation (ICCV 2017), section 5: the motion IoU of an object is
its mean IoU with itself in the frames up to 10 before and after; slow objects have more than 0.9,
fast ones less than 0.7.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from approx_perception.structures import GroundTruth
from approx_perception.structures.boxes import iou_matrix

__all__ = ["MOTIONS", "Motion", "motion_ious", "only_motion"]

Motion = Literal["slow", "medium", "fast"]
MOTIONS: tuple[Motion, ...] = ("slow", "medium", "fast")

_REACH_FRAMES = 10
_SLOW_ABOVE, _FAST_BELOW = 0.9, 0.7

Vector = npt.NDArray[np.float64]


def motion_ious(truths: Sequence[GroundTruth]) -> list[Vector]:
    """Motion IoU of every object of every frame.

    Parameters
    ----------
    truths
        Of successive frames of one source.

    Returns
    -------
    list of ``(N,)``
        1 for an object that is seen in one frame only: nothing says that it moves.
    """
    places: dict[int, list[tuple[int, int]]] = {}
    for frame, truth in enumerate(truths):
        for row, track_id in enumerate(truth.track_ids.tolist()):
            places.setdefault(track_id, []).append((frame, row))
    result = [np.ones(len(truth)) for truth in truths]
    for own in places.values():
        frames = np.array([frame for frame, _ in own])
        boxes = np.stack([truths[frame].boxes[row] for frame, row in own])
        for position, (frame, row) in enumerate(own):
            first = np.searchsorted(frames, frame - _REACH_FRAMES)
            last = np.searchsorted(frames, frame + _REACH_FRAMES, "right")
            others = np.delete(boxes[first:last], position - first, axis=0)
            if len(others):
                result[frame][row] = float(
                    iou_matrix(boxes[position : position + 1], others).mean()
                )
    return result


def only_motion(truth: GroundTruth, ious: Vector, motion: Motion) -> GroundTruth:
    """Truth in which all objects of other motion are ignored."""
    is_slow, is_fast = ious > _SLOW_ABOVE, ious < _FAST_BELOW
    wanted = {"slow": is_slow, "fast": is_fast, "medium": ~is_slow & ~is_fast}[motion]
    return replace(truth, ignored=truth.ignored | ~wanted)
