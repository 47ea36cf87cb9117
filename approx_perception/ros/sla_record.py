"""What happened under the SLAs of one camera, counted as evaluations do."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from approx_perception.exceptions import counted
from approx_perception.metrics.verdict import (
    SlaCounts,
    SlaState,
    count_slas,
    joined_counts,
    joined_state,
    verdict_on,
)
from approx_perception.structures import SLA, FrameResult

__all__ = ["Row", "SlaRecord", "counts_under"]

#: SLAs that are told one by one, those with the most frames; a controller may set hundreds.
_MOST_TOLD = 3
#: Frames under one SLA that are kept one by one.
_LONGEST_PIECE = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """What matters here of a processed frame."""

    latency_ms: float
    #: What counts against this camera's share of the SLA.
    own_ms: float
    starts_group: bool
    fits: bool
    fastest_ms: float

    @classmethod
    def of(cls, result: FrameResult) -> "Row":
        """Of a frame as it came out of the pipeline."""
        decision = result.decision
        return cls(
            result.timings.processing_ms, result.own_ms, decision.starts_group, decision.fits,
            decision.fastest_ms,
        )  # fmt: skip


def counts_under(sla: SLA, rows: Collection[Row]) -> SlaCounts:
    """Count frames of one SLA, at least one, or their groups by their means."""
    return count_slas(
        [sla] * len(rows),
        np.array([row.own_ms for row in rows], np.float64),
        np.array([row.starts_group for row in rows], bool),
        np.array([row.fits for row in rows], bool),
        np.array([row.fastest_ms for row in rows], np.float64),
    )[0]


class SlaRecord:
    """Frames since it was told last, under each SLA by itself; those that were refused too."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._sla: SLA | None = None
        self._piece: list[Row] = []
        self._counts: dict[SLA, SlaCounts] = {}
        self._processed = self._refused = 0
        self._reason = ""

    def add(self, sla: SLA, row: Row) -> None:
        """Count a processed frame."""
        is_whole = len(self._piece) >= _LONGEST_PIECE and row.starts_group
        if sla != self._sla or is_whole:
            self._end_piece()
            self._sla = sla
        self._piece.append(row)
        self._processed += 1

    def refuse(self, reason: str) -> None:
        """Count a frame that could not be processed."""
        self._refused += 1
        self._reason = reason

    def _end_piece(self) -> None:
        if self._sla is None or not self._piece:
            return
        known = [self._counts[self._sla]] if self._sla in self._counts else []
        counts = counts_under(self._sla, self._piece)
        self._counts[self._sla] = joined_counts([*known, counts])
        self._piece = []

    def tell(self) -> tuple[bool, str]:
        """Whether something is wrong, and all of it in words; empty where nothing happened."""
        self._end_piece()
        by_count = sorted(self._counts.values(), key=lambda own: -own.counted)
        verdicts = [verdict_on(own) for own in by_count[:_MOST_TOLD]]
        texts = [verdict.text for verdict in verdicts]
        if others := by_count[_MOST_TOLD:]:
            # Of each there may be a single frame.
            together = joined_counts(others)
            verdicts.append(verdict_on(together))
            texts.append(f"{len(others)} other SLAs: {together.late} of {together.counted} late")
        if self._refused:
            count = self._processed + self._refused
            texts.append(
                f"{self._refused} of {counted(count, 'frame')} refused, the last: {self._reason}"
            )
        is_wrong = self._refused > 0 or joined_state(verdicts) is SlaState.BROKEN
        self._clear()
        return is_wrong, "; ".join(texts)
