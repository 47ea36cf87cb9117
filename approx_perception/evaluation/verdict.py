"""Was the SLA kept? One sentence, the same in commands, reports and the node's log."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from approx_perception.evaluation.latency import group_means_ms
from approx_perception.evaluation.run_record import RunRecord
from approx_perception.structures import SLA, SlaScope

__all__ = ["SlaCounts", "SlaState", "Verdict", "counts_of", "joined_state", "verdict_on"]

#: Where a decision's reason holds these words, every branch was expected to be late too often.
NO_BRANCH_FITS = "no branch fits"


class SlaState(str, Enum):
    """Whether an SLA was kept."""

    KEPT = "kept"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SlaCounts:
    """What happened under one SLA.

    Attributes
    ----------
    sla
        Says what is counted: frames, or groups of frames.
    counted, late
        Frames (groups) that were processed, and those of them over the SLA's latency.
    without_fit
        Those of ``counted`` for which no branch was expected to keep the SLA.
    fastest_ms
        Latency expected of the fastest branch at the SLA's quantile, where none fits; nan where it
        is not known.
    """

    sla: SLA
    counted: int
    late: int
    without_fit: int = 0
    fastest_ms: float = math.nan


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one SLA.

    Attributes
    ----------
    state
        For colours and exit codes.
    text
        For people, such as ``SLA 20 ms for 95 % of frames: kept (98.4 % inside)``.
    """

    state: SlaState
    text: str


def verdict_on(counts: SlaCounts) -> Verdict:
    """Judge an SLA by what happened under it.

    It is kept if no more are late than it allows. So few that it does not allow a single late one
    (19 at a quantile of 0.95) tell only that it is broken: by two or more late ones.
    """
    sla, allowed = counts.sla, 1 - counts.sla.quantile
    unit = "frames" if sla.scope is SlaScope.FRAME else "groups"
    # Rounded, or 1 - 0.9 would allow no late frame of ten.
    needed = math.ceil(round(1 / allowed, 6))
    if counts.late > round(allowed * max(counts.counted, needed), 6):
        state, why = SlaState.BROKEN, _broken(counts)
    elif not counts.counted:
        state, why = SlaState.UNKNOWN, "no frame was processed"
    elif counts.counted < needed:
        state = SlaState.UNKNOWN
        own = unit if counts.counted > 1 else unit.removesuffix("s")
        why = f"{counts.late} late of {counts.counted} {own}; {needed} are needed to tell"
    else:
        state = SlaState.KEPT
        why = f"{_percent_down(1 - counts.late / counts.counted)} inside"
    budget = f"SLA {sla.latency_ms:g} ms for {100 * sla.quantile:g} % of {unit}"
    return Verdict(state, f"{budget}: {state.value} ({why})")


def _broken(counts: SlaCounts) -> str:
    late = f"{_percent_up(counts.late / counts.counted)} late"
    if not counts.without_fit:
        return late
    share = counts.without_fit / counts.counted
    when = "" if share > 0.5 else f" for {_percent_up(share)} of them"
    if not math.isfinite(counts.fastest_ms):
        return f"{late}; no branch fits{when}"
    rank = f"P{100 * counts.sla.quantile:g}"
    return f"{late}; no branch fits{when}: the fastest takes {counts.fastest_ms:.3g} ms at {rank}"


def _percent_up(share: float) -> str:
    """In percent; rounded up, so that what is over a bound is never shown as the bound."""
    return f"{math.ceil(round(1000 * share, 6)) / 10:g} %"


def _percent_down(share: float) -> str:
    return f"{math.floor(round(1000 * share, 6)) / 10:g} %"


def joined_state(verdicts: Iterable[Verdict]) -> SlaState:
    """One state of several SLAs: broken if one is, kept if all are."""
    states = {verdict.state for verdict in verdicts}
    if SlaState.BROKEN in states:
        return SlaState.BROKEN
    return SlaState.KEPT if states == {SlaState.KEPT} else SlaState.UNKNOWN


def counts_of(records: Sequence[RunRecord]) -> list[SlaCounts]:
    """Count over all records together, for each SLA by itself, in the order of their appearance.

    A group belongs to the SLA of its first frame. Frames that were dropped are not counted.
    """
    found: dict[SLA, SlaCounts] = {}
    for record in records:
        for own in _counts_of_record(record):
            before = found.get(own.sla, SlaCounts(own.sla, 0, 0))
            found[own.sla] = _added(before, own)
    return list(found.values())


def _added(one: SlaCounts, other: SlaCounts) -> SlaCounts:
    return SlaCounts(
        one.sla, one.counted + other.counted, one.late + other.late,
        one.without_fit + other.without_fit, float(np.fmax(one.fastest_ms, other.fastest_ms)),
    )  # fmt: skip


def _counts_of_record(record: RunRecord) -> list[SlaCounts]:
    latency, detected = record.processed("processing_ms"), record.processed("detected").copy()
    detected[:1] = True
    is_gof = record.processed("sla_gof")
    latency = np.where(is_gof, group_means_ms(latency, detected), latency)
    columns = [record.processed(name) for name in ("sla_ms", "sla_quantile", "sla_gof")]
    slas = np.column_stack([column.astype(float) for column in columns])
    tight = np.array([NO_BRANCH_FITS in reason for reason in record.metadata["reasons"]], bool)
    without_fit = tight[record.processed("reason")] if len(tight) else np.zeros(len(latency), bool)
    expected_ms = record.processed("expected_quantile_ms")
    _, order = np.unique(slas, axis=0, return_index=True)
    counts = []
    for first in sorted(order.tolist()):
        own = (slas == slas[first]).all(axis=1) & (detected | ~is_gof)
        ms, quantile, gof = slas[first].tolist()
        sla = SLA(ms, quantile, SlaScope.GOF if gof else SlaScope.FRAME)
        tight_ms = expected_ms[own & without_fit]
        fastest_ms = float(np.median(tight_ms)) if len(tight_ms) else math.nan
        late, blocked = int((latency[own] > ms).sum()), int(without_fit[own].sum())
        counts.append(SlaCounts(sla, int(own.sum()), late, blocked, fastest_ms))
    return counts
