"""All figures of one or more runs, by name: what limits, tables and pages are made of.

Figures over several runs are computed anew from the frames of all of them, never from the runs'
own figures: a mean of percentiles is no percentile.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.metrics.adaptation import Step, steps_of
from approx_perception.metrics.average_precision import FrameMatch, match_frame, mean_ap50
from approx_perception.metrics.coco_precision import coco_average_precision
from approx_perception.metrics.identity import identity_scores, missing_library, unusable_identities
from approx_perception.metrics.latency import group_means_ms, summarize_latency
from approx_perception.metrics.motion import MOTIONS, Motion, motion_ious, only_motion
from approx_perception.metrics.run_record import STAGES, RunRecord, with_common_classes
from approx_perception.metrics.streaming import streamed
from approx_perception.structures.columns import PartsView

__all__ = ["FIGURES", "figures_of"]

Vector = npt.NDArray[np.float64]

_PERCENTILES = ("p50", "p95", "p99", "max")
_SPREAD = ("mean", *_PERCENTILES)

#: What each figure is; those that a run cannot have are nan.
FIGURES: dict[str, str] = {
    "frames": "frames of the source",
    "drop_share": "share of frames that was dropped, because the frame before was still processed",
    "ap50": "AP at IoU 0.5, all-point, mean over classes, on the frames that were processed",
    **{
        f"ap50_{motion}": f"AP50 of objects of {motion} motion (ImageNet VID)" for motion in MOTIONS
    },
    "sap50": "streaming AP50: at each frame's time, the newest output that was out by then",
    "coco_ap": "COCO AP, IoU 0.5 to 0.95, 101 points",
    "coco_ap50": "COCO AP at IoU 0.5, 101 points",
    "coco_ap75": "COCO AP at IoU 0.75, 101 points",
    "coco_ap_small": "COCO AP of objects below 32 x 32 px",
    "coco_ap_medium": "COCO AP of objects below 96 x 96 px",
    "coco_ap_large": "COCO AP of larger objects",
    "hota": "HOTA, all classes",
    "det_a": "detection part of HOTA",
    "ass_a": "association part of HOTA",
    "idf1": "IDF1 at IoU 0.5",
    "mota": "MOTA at IoU 0.5",
    "id_switches": "objects that were given another identity",
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
    "expected_ap50": "mean of what the decisions expected",
    **{f"mean_{stage}": f"mean over all frames of {stage.removesuffix('_ms')}" for stage in STAGES},
    "p95_schedule_ms": "95 % quantile of deciding",
}


def figures_of(records: Sequence[RunRecord]) -> dict[str, float]:
    """Compute every figure of `FIGURES`, in its order, over all records together."""
    records = with_common_classes(records)
    values: dict[str, float] = dict.fromkeys(FIGURES, float("nan"))
    parts: tuple[Callable[[Sequence[RunRecord]], dict[str, float]], ...]
    parts = (_counts, _accuracy, _streaming, _identity, _latency, _adaptation, _prediction, _stages)
    for part in parts:
        found = part(records)
        if unknown := found.keys() - FIGURES.keys():
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


def _accuracy(records: Sequence[RunRecord]) -> dict[str, float]:
    class_count = len(records[0].class_names) if records else 0
    values = {"ap50": mean_ap50(_matches(records), class_count).mean}
    ious = [motion_ious(truth for _, _, truth in record.scored()) for record in records]
    for motion in MOTIONS:
        matches = _matches_of(motion, records, ious)
        values[f"ap50_{motion}"] = mean_ap50(matches, class_count).mean
    if not any(bool(record.frames["has_truth"].any()) for record in records):
        return values
    coco = coco_average_precision(records)
    names = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
    return values | {
        f"coco_{name}": value for name, value in zip(names, asdict(coco).values(), strict=True)
    }


def _matches(records: Sequence[RunRecord]) -> Iterator[FrameMatch]:
    """Each scored frame compared with its truth."""
    for record in records:
        yield from (match_frame(found, truth) for _, found, truth in record.scored())


def _matches_of(
    motion: Motion, records: Sequence[RunRecord], ious: Sequence[PartsView]
) -> Iterator[FrameMatch]:
    """Each scored frame compared with what moves so in its truth."""
    for record, own in zip(records, ious, strict=True):
        for (_, found, truth), of_frame in zip(record.scored(), own, strict=True):
            yield match_frame(found, only_motion(truth, of_frame, motion))


def _streaming(records: Sequence[RunRecord]) -> dict[str, float]:
    if not records or not all(record.metadata.get("has_time") for record in records):
        return {}
    matches = (match_frame(*pair) for record in records for pair in streamed(record))
    ages = [
        (record.processed("published_ns") - record.processed("stamp_ns")) / 1e6
        for record in records
    ]
    sap = mean_ap50(matches, len(records[0].class_names)).mean
    return {"sap50": sap} | _spread("age_ms", np.concatenate(ages))


def _identity(records: Sequence[RunRecord]) -> dict[str, float]:
    if not any(bool(record.frames["has_truth"].any()) for record in records):
        return {}
    # What is known only afterwards has no identities.
    if not all(record.metadata.get("has_identities", True) for record in records):
        return {}
    # One object or many: nobody knows.
    if any(any(unusable_identities(record)) for record in records):
        return {}
    if missing_library():
        return {}
    return {name: float(value) for name, value in asdict(identity_scores(records)).items()}


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
    return {
        "latency_error_median": float(np.median(error)),
        "latency_error_p90": float(np.quantile(error, 0.9)),
        "quantile_coverage": float(covered.mean()),
        "expected_ap50": float(known.mean()) if len(known) else float("nan"),
    }


def _stages(records: Sequence[RunRecord]) -> dict[str, float]:
    # The topics of a node do not tell its stages.
    if not all(record.metadata.get("has_stages", True) for record in records):
        return {}
    if not len(schedule := _joined(records, "schedule_ms")):
        return {}
    values = {f"mean_{stage}": float(_joined(records, stage).mean()) for stage in STAGES}
    return values | {"p95_schedule_ms": float(np.percentile(schedule, 95))}
