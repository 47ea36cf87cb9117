"""Tell whether two runtimes compute the same."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from approx_perception.runtimes._base import Array

__all__ = ["far_sentence", "farness"]

#: Largest difference, as `farness` tells it.
_FARTHEST = {"float32": 0.01, "float16": 0.05, "bfloat16": 0.15}
#: Scores that are smaller, as root mean square, are as good as none.
_LEAST_SCORE = 0.02


def far_sentence(given: Sequence[Array], expected: Sequence[Array], precision: str) -> str:
    """Say that outputs are not what they are to be; empty where they are.

    Parameters
    ----------
    given
        Outputs in a precision.
    expected
        Of the same inputs in float32.
    precision
        Of ``given``.
    """
    share = max(map(farness, given, expected), default=0.0)
    if not np.isinf(share):
        share = max([share, *map(_score_farness, given, expected)])
    if share <= _FARTHEST[precision]:
        return ""
    if np.isinf(share):
        return "its outputs have other shapes, or are not finite where those in float32 are"
    return (
        f"its outputs are {share:.0%} off those in float32; rounding explains "
        f"{_FARTHEST[precision]:.0%}"
    )


def farness(given: Array, expected: Array) -> float:
    """Root mean square of the difference, as a share of the expected one's; of whole numbers 0.

    Rows that are sorted by score come in another order where scores are nearly alike, so the lesser
    of the differences of arrays as they are, and with sorted columns, counts.
    """
    if given.shape != expected.shape:
        return float("inf")
    if expected.dtype.kind != "f" or not expected.size:
        return 0.0
    finite = np.isfinite(expected)
    if not np.array_equal(np.isfinite(given), finite):
        return float("inf")
    ours, theirs = (np.where(finite, each, 0).astype(np.float64) for each in (given, expected))
    scale = _size(theirs)
    if not scale:
        return 0.0 if not _size(ours) else float("inf")
    difference = _size(ours - theirs)
    if ours.ndim > 1:
        difference = min(difference, _size(np.sort(ours, axis=-2) - np.sort(theirs, axis=-2)))
    return difference / scale


def _score_farness(given: Array, expected: Array) -> float:
    """`farness` of the best score of each row: boxes in px, or thousands of rows, would hide it.

    Scores are the columns, the shorter of the last two dimensions, whose numbers are from 0 to 1;
    0 where none or all are.
    """
    if expected.ndim != 3 or expected.dtype.kind != "f" or not expected.size:
        return 0.0
    ours, theirs = (
        (each.swapaxes(1, 2) if each.shape[1] < each.shape[2] else each).astype(np.float64)
        for each in (given, expected)
    )
    is_score = ((theirs >= 0) & (theirs <= 1)).all(axis=(0, 1))
    if not is_score.any() or is_score.all():
        return 0.0
    ours, theirs = (np.sort(each[..., is_score].max(axis=2), axis=None) for each in (ours, theirs))
    return _size(ours - theirs) / max(_size(theirs), _LEAST_SCORE)


def _size(array: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(array**2)))
