"""How sure figures are: bootstrap over sources and blocks of their frames."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from approx_perception.metrics.run_record import RunRecord, with_common_classes
from approx_perception.metrics.scoring.by_task import scoring_in

__all__ = ["Interval", "accuracy_intervals", "interval_of", "quantile_interval"]

#: Neighbouring frames are alike; blocks of so many are drawn.
_BLOCK_FRAMES = 32
#: Of fewer blocks nothing can be told: the draws of one are all the same.
_FEWEST_BLOCKS = 4
_DRAWS = 200
_LEVELS = (0.025, 0.975)
_TOO_FEW = "too few frames to tell"


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval, whose ends are nan where too few frames tell them."""

    value: float
    low: float = math.nan
    high: float = math.nan

    def text(self, form: str, unit: str = "") -> str:
        """For people: nothing of no value, and that it is not known how sure it is."""
        if math.isnan(self.value):
            return ""
        value = f"{self.value:{form}}{unit}"
        if math.isnan(self.low):
            return f"{value} ({_TOO_FEW})"
        return f"{value} ({self.low:{form}} to {self.high:{form}})"

    def doubt(self, form: str) -> str:
        """Why the sign of a difference is not known, in words; empty where it is."""
        if math.isnan(self.low):
            return _TOO_FEW
        if self.low > 0 or self.high < 0 or self.low == self.high:
            return ""
        return f"not certain: {self.low:{form}} to {self.high:{form}}"


class _Blocks:
    """Blocks of frames of sources, which is what is drawn.

    Repetitions of a source, and sources of the same images, are no new data: they share its
    blocks, and come along with them.
    """

    def __init__(self, records: Iterable[RunRecord]) -> None:
        counts: dict[str, int] = {}
        self._originals: dict[str, str] = {}
        by_hash: dict[str, str] = {}
        for record in records:
            if len(record):
                source = record.metadata["source"]
                original = by_hash.setdefault(record.metadata["data_hash"], source)
                # Repetitions of a live run may have lost other images.
                original = self._originals.setdefault(source, original)
                count = int(record.frames["sequence"].max()) // _BLOCK_FRAMES + 1
                counts[original] = max(count, counts.get(original, 0))
        self._counts = list(counts.values())
        ends = np.cumsum([0, *self._counts]).tolist()
        self._first = dict(zip(counts, ends, strict=False))

    def of(self, record: RunRecord) -> npt.NDArray[np.int64]:
        """``(N,)`` number of each frame's block."""
        original = self._originals.get(record.metadata["source"], "")
        first = self._first.get(original, 0)
        return np.asarray(first + record.frames["sequence"] // _BLOCK_FRAMES)

    def draws(self) -> npt.NDArray[np.int64]:
        """``(D, blocks)`` how often each is drawn: sources first, then blocks of each drawn one."""
        rng = np.random.default_rng(0)
        ends = np.cumsum([0, *self._counts])
        often = np.zeros((_DRAWS, ends[-1]), np.int64)
        for own in often:
            for source in rng.integers(len(self._counts), size=len(self._counts)):
                count = self._counts[source]
                np.add.at(own, ends[source] + rng.integers(count, size=count), 1)
        return often


def accuracy_intervals(
    systems: Sequence[Sequence[RunRecord]],
) -> tuple[list[Interval], list[Interval]]:
    """Accuracy of each system, and its lead over the first one, with intervals.

    Sources are drawn, and blocks of frames in them; repetitions are not. All systems are judged on
    the same draws, so that a lead can be certain where the values themselves are not.

    Parameters
    ----------
    systems
        Records of each system, of the same sources and task.

    Returns
    -------
    values, leads
        One for each system; the first one's lead is 0. Ends are nan
        where fewer than 4 blocks hold frames that count.
    """
    every = with_common_classes([record for records in systems for record in records])
    blocks, given = _Blocks(every), iter(every)
    systems = [list(islice(given, len(records))) for records in systems]
    scoring = scoring_in(every)
    matches = [[match for record in records for match in record.matches()] for records in systems]
    if not all(matches):
        nothing = [Interval(math.nan) for _ in systems]
        return nothing, nothing
    class_count, often = len(every[0].class_names), blocks.draws()
    values, drawn = [], []
    for records, own in zip(systems, matches, strict=True):
        of_frame = np.concatenate([blocks.of(r)[[f for f, _, _ in r.scored()]] for r in records])
        values.append(scoring.mean(own, class_count))
        sample = scoring.mean_of_draws(own, class_count, often[:, of_frame])
        drawn.append(_if_enough(of_frame, sample))
    own_intervals = [interval_of(v, row) for v, row in zip(values, drawn, strict=True)]
    leads = [interval_of(v - values[0], r - drawn[0]) for v, r in zip(values, drawn, strict=True)]
    return own_intervals, leads


def quantile_interval(records: Sequence[RunRecord], name: str, quantile: float) -> Interval:
    """Quantile of a column over all processed frames, with its interval; nan of nothing.

    Parameters
    ----------
    records
        Of one system; drawn from as in `accuracy_intervals`.
    name
        Of a column of frames.
    quantile
        From 0 to 1.
    """
    blocks = _Blocks(records)
    values = np.concatenate([np.zeros(0), *(record.processed(name) for record in records)])
    if not len(values):
        return Interval(math.nan)
    of_frame = np.concatenate([blocks.of(r)[r.frames["processed"]] for r in records])
    sample = [
        float(np.quantile(drawn, quantile)) if len(drawn := values.repeat(often)) else np.nan
        for often in blocks.draws()[:, of_frame]
    ]
    return interval_of(float(np.quantile(values, quantile)), _if_enough(of_frame, np.array(sample)))


def _if_enough(
    blocks: npt.NDArray[np.integer], sample: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Resampled values, or nan where the frames that count lie in too few blocks."""
    return sample if len(np.unique(blocks)) >= _FEWEST_BLOCKS else np.full_like(sample, np.nan)


def interval_of(value: float, sample: npt.NDArray[np.float64]) -> Interval:
    """A value with the interval that its resampled values span; nan of nothing but nan."""
    if np.isnan(sample).all():
        return Interval(value)
    low, high = np.nanquantile(sample, _LEVELS)
    return Interval(value, float(low), float(high))
