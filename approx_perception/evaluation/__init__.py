"""Metrics on recorded results."""

from approx_perception.evaluation.average_precision import AveragePrecision, average_precision_50
from approx_perception.evaluation.class_map import ClassMap, ClassTable, read_class_map
from approx_perception.evaluation.latency import (
    LatencySummary,
    group_means_ms,
    summarize_latency,
    violation_share,
)

__all__ = [
    "AveragePrecision",
    "ClassMap",
    "ClassTable",
    "LatencySummary",
    "average_precision_50",
    "group_means_ms",
    "read_class_map",
    "summarize_latency",
    "violation_share",
]
