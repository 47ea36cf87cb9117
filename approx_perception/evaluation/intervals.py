"""How sure figures are: bootstrap over blocks of frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.evaluation.average_precision import (
    FrameMatch,
    match_frame,
    mean_ap50,
    mean_ap50_of_draws,
)
from approx_perception.evaluation.run_record import RunRecord

__all__ = ["Interval", "ap50_intervals", "interval_of", "quantile_interval", "resampled_ap50"]

#: Neighbouring frames are alike; blocks of so many are drawn.
_BLOCK_FRAMES = 32
_DRAWS = 200
_LEVELS = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def _draws(blocks: int) -> npt.NDArray[np.int64]:
    """``(D, blocks)`` numbers of blocks, the same for everybody."""
    return np.random.default_rng(0).integers(blocks, size=(_DRAWS, blocks))


def _blocks(count: int) -> list[slice]:
    return [slice(a, min(a + _BLOCK_FRAMES, count)) for a in range(0, count, _BLOCK_FRAMES)]


def _matches(records: Sequence[RunRecord]) -> list[FrameMatch]:
    return [match_frame(found, truth) for r in records for _, found, truth in r.scored()]


def ap50_intervals(
    systems: Sequence[Sequence[RunRecord]],
) -> tuple[list[Interval], list[Interval]]:
    """AP50 of each system, and its lead over the first one, with intervals.

    All systems are judged on the same draws of blocks, so that a lead can be certain where the
    values themselves are not.

    Parameters
    ----------
    systems
        Records of each system, of the same sources in the same order.

    Returns
    -------
    values, leads
        One for each system; the first one's lead is 0. Where systems did not process the same
        frames (a camera drops), blocks are the same shares of their frames.
    """
    matches = [_matches(records) for records in systems]
    class_count = len(systems[0][0].class_names) if systems and systems[0] else 0
    fewest = min((len(own) for own in matches), default=0)
    block_count = len(_blocks(fewest))
    if not block_count:
        nothing = [Interval(float("nan"), float("nan"), float("nan")) for _ in systems]
        return nothing, nothing
    values, drawn = [], []
    for own in matches:
        blocks = np.arange(len(own)) * block_count // len(own)
        values.append(mean_ap50(own, class_count).mean)
        drawn.append(resampled_ap50(own, class_count, blocks))
    own_intervals = [interval_of(v, row) for v, row in zip(values, drawn, strict=True)]
    leads = [interval_of(v - values[0], r - drawn[0]) for v, r in zip(values, drawn, strict=True)]
    return own_intervals, leads


def resampled_ap50(
    matches: Sequence[FrameMatch], class_count: int, blocks: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """AP50 of draws of blocks with replacement, the same blocks for everybody.

    Parameters
    ----------
    matches
        Of each frame.
    class_count
        Class ids run from 0 to this.
    blocks
        ``(N,)`` number of the block that each frame belongs to, from 0 on. Frames that are alike
        belong together: neighbours, and repetitions.

    Returns
    -------
    numpy.ndarray
        ``(D,)``.
    """
    count = int(blocks.max()) + 1
    often = np.array([np.bincount(draw, minlength=count) for draw in _draws(count)])
    return mean_ap50_of_draws(matches, class_count, often[:, blocks])


def quantile_interval(values: npt.NDArray[np.float64], quantile: float) -> Interval:
    """Quantile of a series with its interval; nan of nothing."""
    blocks = _blocks(len(values))
    if not blocks:
        return Interval(float("nan"), float("nan"), float("nan"))
    parts = [values[block] for block in blocks]
    sample = [
        float(np.quantile(np.concatenate([parts[b] for b in draw]), quantile))
        for draw in _draws(len(blocks)).tolist()
    ]
    return interval_of(float(np.quantile(values, quantile)), np.array(sample))


def interval_of(value: float, sample: npt.NDArray[np.float64]) -> Interval:
    """A value with the interval that its resampled values span."""
    low, high = np.nanquantile(sample, _LEVELS)
    return Interval(value, float(low), float(high))
