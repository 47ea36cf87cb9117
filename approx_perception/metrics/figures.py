"""All figures of one or more runs, by name: what limits, tables and pages are made of.

Figures over several runs are computed anew from the frames of all of them, never from the runs'
own figures: a mean of percentiles is no percentile.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.metrics.adaptation import Step, steps_of
from approx_perception.metrics.latency import group_means_ms, summarize_latency
from approx_perception.metrics.run_record import RunRecord, with_common_classes
from approx_perception.metrics.scoring._base import Scoring
from approx_perception.metrics.scoring.by_task import SCORINGS, scoring_in

__all__ = ["all_figures", "described_figures", "figures_of"]

Vector = npt.NDArray[np.float64]

_PERCENTILES = ("p50", "p95", "p99", "max")
_SPREAD = ("mean", *_PERCENTILES)

_COUNTS = {
    "frames": "frames of the source",
    "drop_share": "share of frames that was dropped, because the frame before was still processed",
}
_LATENCY = {
    **{f"{spread}_processing_ms": f"{spread} latency of a frame" for spread in _SPREAD},
    **{f"{spread}_gof_ms": f"{spread} over groups of their mean latency" for spread in _SPREAD},
    **{f"{spread}_age_ms": f"{spread} age of a frame at publication" for spread in _SPREAD},
    "frame_violation_share": "share of frames over the SLA's latency",
    "gof_violation_share": "share of groups whose mean is over the SLA's latency",
    "violation_share": "share over the SLA of what it is about: frames, or groups in scope gof",
    "switches": "changes of branch",
    "steps": "changes of SLA or contention",
    "median_reaction_ms": "median time until latency was back inside the SLA after a step",
    "max_reaction_ms": "longest time until latency was back inside the SLA after a step",
    "unanswered_steps": "steps after which latency was over the SLA until the next step",
    "latency_error_median": "of groups: |expected - measured| / measured mean latency",
    "latency_error_p90": "of groups: 90 % quantile of |expected - measured| / measured",
    "quantile_coverage": "share of frames (groups) inside the latency expected at the quantile",
}


def described_figures(scoring: Scoring) -> dict[str, str]:
    """``{figure: what it is}`` of a task, in the order in which they are shown."""
    return {
        **_COUNTS, **scoring.figures, **_LATENCY,
        f"expected_{scoring.measure}": "mean of what the decisions expected",
        **{
            f"mean_{stage}": f"mean over all frames of {stage.removesuffix('_ms')}"
            for stage in scoring.stages
        },
        "p95_schedule_ms": "95 % quantile of deciding",
    }  # fmt: skip


def all_figures() -> list[str]:
    """Names of the figures of all tasks."""
    return list(dict.fromkeys(name for own in SCORINGS.values() for name in described_figures(own)))


def figures_of(records: Sequence[RunRecord]) -> dict[str, float]:
    """Compute every figure over all records together; nan for those that they cannot have.

    Parameters
    ----------
    records
        Of one task; of none, the figures are those of detection.

    Returns
    -------
    dict
        In the order of `described_figures`.
    """
    records = with_common_classes(records)
    scoring = scoring_in(records)
    values = dict.fromkeys(described_figures(scoring), float("nan"))
    parts = (
        _counts, scoring.figures_of, _ages, _latency, _adaptation, _prediction, _stages
    )  # fmt: skip
    for part in parts:
        found = part(records)
        if unknown := found.keys() - values.keys():
            raise AssertionError(f"figures without a description: {sorted(unknown)}")
        values.update(found)
    return values


def _joined(records: Sequence[RunRecord], name: str) -> npt.NDArray[Any]:
    columns = [record.processed(name) for record in records]
    return np.concatenate(columns) if columns else np.zeros(0)


def _counts(records: Sequence[RunRecord]) -> dict[str, float]:
    frames = sum(len(record) for record in records)
    processed = sum(int(record.frames["processed"].sum()) for record in records)
    return {
        "frames": float(frames),
        "drop_share": 1 - processed / frames if frames else float("nan"),
        "switches": float(_joined(records, "switched").sum()),
    }


def _ages(records: Sequence[RunRecord]) -> dict[str, float]:
    if not records or not all(record.metadata.get("has_time") for record in records):
        return {}
    ages = [
        (record.processed("published_ns") - record.processed("stamp_ns")) / 1e6
        for record in records
    ]
    return _spread("age_ms", np.concatenate(ages))


def _spread(name: str, values: Vector) -> dict[str, float]:
    summary = summarize_latency(values)
    return {f"{spread}_{name}": getattr(summary, f"{spread}_ms") for spread in _SPREAD}


def _latency(records: Sequence[RunRecord]) -> dict[str, float]:
    if not len(latencies := _joined(records, "processing_ms")):
        return {}
    starts = np.concatenate([record.group_starts() for record in records])
    means = group_means_ms(latencies, starts)
    slas, is_gof = _joined(records, "sla_ms"), _joined(records, "sla_gof")
    # Each SLA counts what it is about.
    counted = starts | ~is_gof
    return {
        **_spread("processing_ms", latencies),
        **_spread("gof_ms", means[starts]),
        "frame_violation_share": float((latencies > slas).mean()),
        "gof_violation_share": float((means > slas)[starts].mean()),
        "violation_share": float((np.where(is_gof, means, latencies) > slas)[counted].mean()),
    }


def _adaptation(records: Sequence[RunRecord]) -> dict[str, float]:
    steps: list[Step] = [step for record in records for step in steps_of(record)]
    reactions = [step.reaction_ms for step in steps if step.reaction_ms is not None]
    return {
        "steps": float(len(steps)),
        "median_reaction_ms": float(np.median(reactions)) if reactions else float("nan"),
        "max_reaction_ms": max(reactions, default=float("nan")),
        "unanswered_steps": float(len(steps) - len(reactions)),
    }


def _prediction(records: Sequence[RunRecord]) -> dict[str, float]:
    errors, inside = [np.zeros(0)], [np.zeros(0)]
    for record in records:
        means, first = record.group_means_ms(), record.group_starts()
        known = first & np.isfinite(record.processed("expected_ms"))
        expected, measured = record.processed("expected_ms")[known], means[known]
        errors.append(np.abs(expected - measured) / np.maximum(measured, 1e-6))
        limit, is_gof = record.processed("expected_quantile_ms"), record.processed("sla_gof")
        values = np.where(is_gof, means, record.processed("processing_ms"))
        counted = (~is_gof | first) & np.isfinite(limit)
        inside.append((values <= limit)[counted].astype(float))
    error, covered = np.concatenate(errors), np.concatenate(inside)
    if not len(error) or not len(covered):
        return {}
    accuracy = _joined(records, "expected_accuracy")
    known = accuracy[np.isfinite(accuracy)]
    measure = scoring_in(records).measure
    return {
        "latency_error_median": float(np.median(error)),
        "latency_error_p90": float(np.quantile(error, 0.9)),
        "quantile_coverage": float(covered.mean()),
        f"expected_{measure}": float(known.mean()) if len(known) else float("nan"),
    }


def _stages(records: Sequence[RunRecord]) -> dict[str, float]:
    # The topics of a node do not tell its stages.
    if not all(record.metadata.get("has_stages", True) for record in records):
        return {}
    if not len(schedule := _joined(records, "schedule_ms")):
        return {}
    values = {
        f"mean_{stage}": float(_joined(records, stage).mean())
        for stage in scoring_in(records).stages
    }
    return values | {"p95_schedule_ms": float(np.percentile(schedule, 95))}
