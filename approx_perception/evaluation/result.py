"""Figures of all systems as one JSON, and as a table to compare them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from approx_perception.evaluation.verdicts import add_verdicts
from approx_perception.interface.systems import HINDSIGHT
from approx_perception.metrics.figures import described_figures, figures_of
from approx_perception.metrics.intervals import Interval, accuracy_intervals, quantile_interval
from approx_perception.metrics.limits import Limit
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring.by_task import scoring_in
from approx_perception.metrics.shared_images import shared_images
from approx_perception.metrics.truth_use import truth_use
from approx_perception.metrics.verdict import percent_late

__all__ = ["comparison_table", "malformed_in", "result_of"]


def _plain(figures: dict[str, float]) -> dict[str, float | None]:
    """JSON knows no nan."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _by_source(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """Records of each source: one, or one a repetition."""
    by_source: dict[str, list[RunRecord]] = {}
    for record in records:
        by_source.setdefault(record.metadata["source"], []).append(record)
    return by_source


def malformed_in(records: Sequence[RunRecord]) -> int:
    """Detections that were dropped because they cannot be objects; a live run tells none."""
    return sum(int(record.metadata.get("malformed_detections", 0)) for record in records)


def _system_result(records: Sequence[RunRecord], limits: Sequence[Limit]) -> dict[str, Any]:
    figures = figures_of(records)
    return {
        "figures": _plain(figures),
        "limits": {str(limit): limit.is_kept(figures) for limit in limits},
        "truth": truth_use(records),
        "sources": {
            source: {
                "figures": _plain(figures_of(own)),
                "data_hash": own[0].metadata["data_hash"],
                "frames": len(own[0]),
                "repeats": len(own),
                "truth": truth_use(own),
            }
            for source, own in _by_source(records).items()
        },
        "configuration": records[0].metadata["configuration"],
        "network": records[0].metadata["network"],
        "malformed_detections": malformed_in(records),
        "score_floor": records[0].metadata["score_floor"],
    }


def result_of(
    by_system: Mapping[str, list[RunRecord]],
    limits: Sequence[Limit],
    failures: Sequence[str],
) -> dict[str, Any]:
    """Build what ``result.json`` holds: verdicts, figures, configuration, versions, hashes of data.

    Parameters
    ----------
    by_system
        Records of each system.
    limits
        That the figures of every system are held against.
    failures
        Sources that could not be run, and why.
    """
    records = next(iter(by_system.values()))
    systems = {name: _system_result(rs, limits) for name, rs in by_system.items()}
    add_verdicts(systems, by_system)
    return {
        "systems": systems,
        "failures": list(failures),
        "warnings": shared_images(records),
        **{key: records[0].metadata[key] for key in ("clock", "levels", "environment")},
        "what_figures_are": described_figures(scoring_in(records)),
    }


def comparison_table(by_system: Mapping[str, list[RunRecord]], result: dict[str, Any]) -> str:
    """Build a Markdown table with intervals; what it shows goes into the result too."""
    names = list(by_system)
    scoring = scoring_in(by_system[names[0]])
    accuracy, leads = accuracy_intervals([by_system[name] for name in names])
    # Regret: what was lost against those who knew everything beforehand.
    references = {
        name: own.value
        for name, own in zip(names, accuracy, strict=True)
        if result["systems"][name]["configuration"]["system"] in HINDSIGHT
    }
    header = [
        "system", f"{scoring.measure_name} (95 %)", f"difference to {names[0]} (+ is better)",
        *(f"behind {n}" for n in references),
        *scoring.columns.values(), "over the SLA", "mean", "P95 (95 %)", "switches",
    ]  # fmt: skip
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    for name, own, lead in zip(names, accuracy, leads, strict=True):
        entry = result["systems"][name]
        figures = entry["figures"]
        p95 = quantile_interval(by_system[name], "processing_ms", 0.95)
        entry["intervals"] = {
            scoring.measure: _plain_interval(own),
            f"{scoring.measure}_lead": _plain_interval(lead),
            "p95_processing_ms": _plain_interval(p95),
        }  # fmt: skip
        entry["regret"] = {n: reference - own.value for n, reference in references.items()}
        cells = [
            name,
            own.text(".3f"),
            "" if name == names[0] else lead.text("+.3f"),
            *(_shown(regret, ".3f") for regret in entry["regret"].values()),
            *(_shown(figures[column], ".3f") for column in scoring.columns),
            _late(entry),
            _shown(figures["mean_processing_ms"], ".1f", " ms"),
            p95.text(".1f", " ms"),
            f"{figures['switches']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _late(entry: Mapping[str, Any]) -> str:
    """Share over the SLA, in the words of the verdict."""
    share = entry["figures"]["violation_share"]
    quantile = entry["configuration"]["sla"]["quantile"]
    return "" if share is None else percent_late(share, 1 - quantile)


def _plain_interval(interval: Interval) -> dict[str, float | None]:
    return _plain({"value": interval.value, "low": interval.low, "high": interval.high})


def _shown(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None or math.isnan(value) else format(value, form) + unit
