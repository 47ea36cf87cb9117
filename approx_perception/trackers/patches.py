"""Compare small patches of two images, all at once."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Points", "grid_in_boxes", "similarity"]

#: Below this norm a patch has no texture to compare.
_FLAT = 1.0
#: cv2.remap takes coordinates below 2**15; what is further out is no match anyway.
_FAR_PX = 1e4

Points = npt.NDArray[np.float32]


def grid_in_boxes(boxes: npt.NDArray[np.float32], side: int) -> Points:
    """``(N, side * side, 2)`` points spread evenly inside each box."""
    sides = boxes[:, None, 2:] - boxes[:, None, :2]
    return np.asarray(boxes[:, None, :2] + _grid(side) * sides, np.float32)


@cache
def _grid(side: int) -> Points:
    """``(1, side * side, 2)`` shares of a box's sides."""
    steps = (np.arange(side, dtype=np.float32) + 0.5) / side
    return np.asarray(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(1, -1, 2), np.float32)


def _centred(image: npt.NDArray[np.uint8], points: Points) -> Points:
    """Grey values at points, ``(M, K)``, less the mean of each row."""
    where = np.clip(points, -_FAR_PX, _FAR_PX)
    values = cv2.remap(
        image, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    return values - values.mean(axis=1, keepdims=True)


def similarity(
    first: npt.NDArray[np.uint8],
    second: npt.NDArray[np.uint8],
    first_points: Points,
    second_points: Points,
) -> npt.NDArray[np.float32]:
    """Normalised cross-correlation of M pairs of patches, ``(M,)`` in -1..1; 1 for flat ones.

    Parameters
    ----------
    first, second
        Grey images.
    first_points, second_points
        ``(M, K, 2)`` px: where to sample each of the M patches.
    """
    patches = _centred(first, first_points), _centred(second, second_points)
    norms = [np.linalg.norm(patch, axis=1) for patch in patches]
    correlation = (patches[0] * patches[1]).sum(axis=1) / np.maximum(norms[0] * norms[1], 1e-6)
    flat = (norms[0] < _FLAT) & (norms[1] < _FLAT)
    return np.where(flat, 1.0, correlation).astype(np.float32)
