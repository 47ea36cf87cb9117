"""Was the SLA kept? One sentence, the same in commands, reports and the node's log."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from approx_perception.metrics.latency import group_means_ms
from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import SLA, SlaScope

__all__ = [
    "NO_BRANCH_FITS",
    "SlaCounts",
    "SlaState",
    "Verdict",
    "accuracy_verdict",
    "count_slas",
    "counts_of",
    "joined_counts",
    "joined_state",
    "percent_late",
    "verdict_on",
]


#: Where topics alone tell of a decision: so its reason says that every branch is expected late.
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
        Those of ``counted`` for which no branch was expected to keep the SLA; 0 where the user
        fixed the branch.
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
        why = f"{_percent_inside(1 - counts.late / counts.counted)} inside"
    return Verdict(state, f"{sla.text}: {state.value} ({why})")


def accuracy_verdict(records: Sequence[RunRecord], value: float) -> Verdict | None:
    """Judge the accuracy that was asked for; None where none was.

    Parameters
    ----------
    records
        Of one system, one at least.
    value
        Accuracy that was measured; nan where no ground truth tells it.
    """
    asked = float(records[0].metadata["configuration"]["sla"].get("accuracy", 0.0))
    if not asked:
        return None
    expected = np.concatenate([record.processed("expected_accuracy") for record in records])
    known = expected[np.isfinite(expected)]
    words = f"{known.mean():.3f} was expected" if len(known) else "nothing was expected"
    state, told = SlaState.UNKNOWN, "no ground truth tells"
    if not math.isnan(value):
        state, told = SlaState.KEPT if value >= asked else SlaState.BROKEN, f"{value:.3f}"
        told = f"{records[0].scoring.measure_name} {told}"
    return Verdict(state, f"accuracy {asked:g}: {state.value} ({told}, {words})")


def _broken(counts: SlaCounts) -> str:
    late = f"{percent_late(counts.late / counts.counted, 1 - counts.sla.quantile)} late"
    if not counts.without_fit:
        return late
    share = counts.without_fit / counts.counted
    when = "" if share > 0.5 else f" for {percent_late(share)} of them"
    if not math.isfinite(counts.fastest_ms):
        return f"{late}; no branch fits{when}"
    rank = f"P{100 * counts.sla.quantile:g}"
    return f"{late}; no branch fits{when}: the fastest takes {counts.fastest_ms:.3g} ms at {rank}"


def percent_late(share: float, allowed: float = 0.0) -> str:
    """Share over the SLA, for people, to a tenth of a percent.

    Rounded up where rounding would hide that it is over what is allowed.
    """
    tenths = round(1000 * share)
    if tenths <= round(1000 * allowed, 6):
        tenths = math.ceil(1000 * share)
    return f"{tenths / 10:g} %"


def _percent_inside(share: float) -> str:
    """To a tenth of a percent; 100 only where all are."""
    tenths = 1000 if share == 1 else min(round(1000 * share), 999)
    return f"{tenths / 10:g} %"


def joined_state(verdicts: Iterable[Verdict]) -> SlaState:
    """One state of several SLAs: broken if one is, kept if all are."""
    states = {verdict.state for verdict in verdicts}
    if SlaState.BROKEN in states:
        return SlaState.BROKEN
    return SlaState.KEPT if states == {SlaState.KEPT} else SlaState.UNKNOWN


def counts_of(records: Sequence[RunRecord]) -> list[SlaCounts]:
    """Count over all records together; frames that were dropped are not counted."""
    found: dict[SLA, list[SlaCounts]] = {}
    for record in records:
        columns = (
            record.processed(name).tolist() for name in ("sla_ms", "sla_quantile", "sla_gof")
        )
        slas = [
            SLA(ms, quantile, SlaScope.GOF if is_gof else SlaScope.FRAME)
            for ms, quantile, is_gof in zip(*columns, strict=True)
        ]
        arrays = (
            record.processed(name) for name in ("processing_ms", "detected", "fits", "fastest_ms")
        )
        for own in count_slas(slas, *arrays):
            found.setdefault(own.sla, []).append(own)
    return [joined_counts(counts) for counts in found.values()]


def count_slas(
    slas: Sequence[SLA],
    latency_ms: npt.NDArray[np.float64],
    starts_group: npt.NDArray[np.bool_],
    fits: npt.NDArray[np.bool_],
    fastest_ms: npt.NDArray[np.float64],
) -> list[SlaCounts]:
    """Count the frames of one run for each SLA by itself, in the order of their appearance.

    A group belongs to the SLA of its first frame.

    Parameters
    ----------
    slas
        N, in force for each frame.
    latency_ms, starts_group
        ``(N,)`` of each frame; whether its decision began a group.
    fits, fastest_ms
        ``(N,)`` of each frame's decision.
    """
    first = starts_group.copy()
    first[:1] = True
    group_ms = group_means_ms(latency_ms, first)
    counts = []
    for sla in dict.fromkeys(slas):
        own = np.array([other == sla for other in slas], bool)
        is_gof = sla.scope is SlaScope.GOF
        own &= first | (not is_gof)
        unfit = own & ~fits
        fastest = fastest_ms[unfit & np.isfinite(fastest_ms)]
        late = (group_ms if is_gof else latency_ms) > sla.latency_ms
        counts.append(
            SlaCounts(
                sla, int(own.sum()), int((late & own).sum()), int(unfit.sum()),
                float(np.median(fastest)) if len(fastest) else math.nan,
            )
        )  # fmt: skip
    return counts


def joined_counts(counts: Sequence[SlaCounts]) -> SlaCounts:
    """Of several runs under one SLA."""
    fastest = [own.fastest_ms for own in counts if math.isfinite(own.fastest_ms)]
    return SlaCounts(
        counts[0].sla,
        sum(own.counted for own in counts),
        sum(own.late for own in counts),
        sum(own.without_fit for own in counts),
        float(np.median(fastest)) if fastest else math.nan,
    )
