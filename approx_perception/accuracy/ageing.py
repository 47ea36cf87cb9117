"""What a branch is worth whose slow part runs beside: what it found is older than in sequence."""

import numpy as np
import numpy.typing as npt

from approx_perception.branches import CompiledSpace

__all__ = ["aged"]

Vector = npt.NDArray[np.float64]


def aged(accuracy: Vector, delay_frames: Vector, compiled: CompiledSpace) -> Vector:
    """``(B,)`` accuracy of branches with such delays, by the accuracy of the same in sequence.

    A branch whose groups have n frames takes in something new every n frames, whose age is then d
    frames: ages run from d to d + n - 1. In sequence they run from 0 to m - 1. The mean age is the
    same for

        m = n + 2 d,  d = ceil(delay), n = max(group frames, d)

    so it is worth what the branch of m frames is worth that is alike otherwise: between those of
    the space linear in m, beyond the longest along the last two.

    Parameters
    ----------
    accuracy
        ``(B,)`` in sequence.
    delay_frames
        ``(B,)`` what the slow part takes, in frames.
    compiled
        Of the branches; those that differ in nothing but the length of their groups are known by
        its ``longer``.
    """
    longer = compiled.longer
    if not longer.size:
        return accuracy
    lengths = compiled.group_frames[longer[:, 0]]
    delays = np.maximum(np.ceil(delay_frames[longer]), 1)
    wanted = np.maximum(lengths[:, None], delays) + 2 * delays
    result = accuracy.copy()
    result[longer] = _along(lengths.astype(np.float64), accuracy[longer], wanted)
    return result


def _along(known: Vector, values: Vector, wanted: Vector) -> Vector:
    """``(S, N)`` values at places ``wanted``, each column by its own at the ``(S,)`` known ones."""
    if len(known) == 1:
        return values
    right = np.clip(np.searchsorted(known, wanted), 1, len(known) - 1)
    column = np.arange(values.shape[1])
    left_value, right_value = values[right - 1, column], values[right, column]
    share = (wanted - known[right - 1]) / (known[right] - known[right - 1])
    return np.asarray(left_value + share * (right_value - left_value))
