"""How sure figures are: bootstrap over blocks of frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from approx_perception.evaluation.average_precision import FrameMatch, match_frame, mean_ap50
from approx_perception.evaluation.run_record import RunRecord

__all__ = ["Interval", "ap50_intervals", "quantile_interval"]

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
    draws = _draws(block_count)
    values, samples = [], []
    for own in matches:
        edges = np.linspace(0, len(own), block_count + 1).astype(int)
        parts = [own[a:b] for a, b in pairwise(edges.tolist())]
        values.append(mean_ap50(own, class_count).mean)
        samples.append(
            [
                mean_ap50([m for block in draw for m in parts[block]], class_count).mean
                for draw in draws.tolist()
            ]
        )
    drawn = np.array(samples)
    own_intervals = [_interval(v, row) for v, row in zip(values, drawn, strict=True)]
    leads = [_interval(v - values[0], r - drawn[0]) for v, r in zip(values, drawn, strict=True)]
    return own_intervals, leads


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
    return _interval(float(np.quantile(values, quantile)), np.array(sample))


def _interval(value: float, sample: npt.NDArray[np.float64]) -> Interval:
    low, high = np.nanquantile(sample, _LEVELS)
    return Interval(value, float(low), float(high))
