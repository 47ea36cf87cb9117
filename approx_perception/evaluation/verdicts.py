"""What every result says first: was the SLA kept, and what did that cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from approx_perception.metrics.intervals import accuracy_intervals
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring.by_task import scoring_in
from approx_perception.metrics.truth_use import accuracy_words
from approx_perception.metrics.verdict import (
    SlaCounts,
    SlaState,
    Verdict,
    accuracy_verdict,
    counts_of,
    joined_state,
    verdict_on,
)
from approx_perception.structures import SLA

__all__ = ["add_verdicts"]

#: Systems that run one branch all the time; older results call one of them otherwise.
_FIXED = ("fixed", "detector_only")


def add_verdicts(
    systems: Mapping[str, dict[str, Any]], records: Mapping[str, Sequence[RunRecord]]
) -> None:
    """Add ``verdict`` to the entry of each system in ``result.json``.

    It has a ``state`` (kept, broken, unknown), the same and a ``text`` for each of the ``slas``
    (latencies, and the accuracy if one is asked for), and ``cost``: accuracy beside that of the
    best fixed branch that keeps the SLA, as far as it is known.
    """
    for name, entry in systems.items():
        counts = _counts(records[name])
        if entry["configuration"]["system"] in _FIXED:
            counts = [replace(own, without_fit=0) for own in counts]
        verdicts = [verdict_on(own) for own in counts]
        dropped = _dropped(records[name])
        told = [replace(own, text=own.text + dropped) for own in verdicts]
        if own := _on_accuracy(entry, records[name]):
            told.append(own)
        entry["verdict"] = {
            "state": joined_state(told).value,
            "slas": [{"state": v.state.value, "text": v.text} for v in told],
        }
    for name, entry in systems.items():
        entry["verdict"]["cost"] = _cost(name, systems, records)


def _on_accuracy(entry: Mapping[str, Any], records: Sequence[RunRecord]) -> Verdict | None:
    if not records:
        return None
    value = entry["figures"].get(scoring_in(records).measure)
    return accuracy_verdict(records, math.nan if value is None else float(value))


def _dropped(records: Sequence[RunRecord]) -> str:
    """What a verdict does not count, in words; empty where all frames were processed, or none."""
    frames = sum(map(len, records))
    dropped = frames - sum(int(record.frames["processed"].sum()) for record in records)
    if not 0 < dropped < frames:
        return ""
    tenths = min(max(round(1000 * dropped / frames), 1), 999)
    return f", {tenths / 10:g} % of frames dropped"


def _counts(records: Sequence[RunRecord]) -> list[SlaCounts]:
    counts = counts_of(records)
    if counts or not records:
        return counts
    # Nothing was processed: what was asked for is known all the same.
    return [SlaCounts(SLA(**records[0].metadata["configuration"]["sla"]), 0, 0)]


def _cost(
    name: str,
    systems: Mapping[str, Mapping[str, Any]],
    records: Mapping[str, Sequence[RunRecord]],
) -> str:
    entry = systems[name]
    measure = scoring_in(records[name]).measure
    text, tells = accuracy_words(records[name], entry["figures"][measure])
    if not tells or entry["configuration"]["system"] in (*_FIXED, "best_fixed"):
        return text
    rivals = {
        other: own
        for other, own in systems.items()
        if own["figures"].get(measure) is not None and _is_comparable(own, entry)
    }
    for other, own in rivals.items():
        if own["configuration"]["system"] == "best_fixed":
            return f"{text}, {_beside(name, other, 'the best fixed branch', systems, records)}"
    fixed = {o: own for o, own in rivals.items() if own["configuration"]["system"] in _FIXED}
    if not fixed:
        return f"{text}; no fixed branch ran beside it to tell what the SLA cost"
    kept = {o: own for o, own in fixed.items() if own["verdict"]["state"] == SlaState.KEPT.value}
    if not kept:
        return f"{text}; no fixed branch beside it is known to keep the SLA"
    best = max(kept, key=lambda other: float(kept[other]["figures"][measure]))
    which = "the fixed branch" if len(kept) == 1 else f"the best of {len(kept)} fixed branches"
    return f"{text}, {_beside(name, best, f'{which} inside the SLA', systems, records)}"


def _is_comparable(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two systems had one network, one SLA, and the same frames."""
    hashes = [
        {source: part["data_hash"] for source, part in entry["sources"].items()}
        for entry in (own, other)
    ]
    return (
        hashes[0] == hashes[1]
        and own["network"] == other["network"]
        and own["configuration"]["sla"] == other["configuration"]["sla"]
    )


def _beside(
    name: str,
    other: str,
    what: str,
    systems: Mapping[str, Mapping[str, Any]],
    records: Mapping[str, Sequence[RunRecord]],
) -> str:
    """How far a system is above another one, and whether the frames tell that."""
    measure = scoring_in(records[name]).measure
    value, rival = (float(systems[each]["figures"][measure]) for each in (name, other))
    difference = round(value - rival, 3)
    side = f"{abs(difference):.3f} {'above' if difference > 0 else 'below'}"
    _, (_, lead) = accuracy_intervals([records[other], records[name]])
    doubt = lead.doubt("+.3f")
    return (
        f"{side if difference else 'the same as'} {what} ({other}: {rival:.3f}"
        f"{f'; {doubt}' if doubt else ''})"
    )
