"""Metrics on recorded results."""

from approx_perception.evaluation.average_precision import AveragePrecision, average_precision_50
from approx_perception.evaluation.class_map import in_classes_of_truth
from approx_perception.evaluation.latency import (
    LatencySummary,
    group_means_ms,
    summarize_latency,
    violation_share,
)

__all__ = [
    "AveragePrecision",
    "LatencySummary",
    "average_precision_50",
    "group_means_ms",
    "in_classes_of_truth",
    "summarize_latency",
    "violation_share",
]
