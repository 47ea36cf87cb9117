"""Validated values that the rooms exchange."""

from approx_perception.structures.classification import Classification
from approx_perception.structures.complexity import COMPLEXITY_CATEGORIES, ImageComplexity
from approx_perception.structures.content import Content, ContentFeatures
from approx_perception.structures.decision import (
    SLA,
    ContentionState,
    Decision,
    LoadReading,
    Observation,
    SlaScope,
)
from approx_perception.structures.detections import Detections
from approx_perception.structures.frame import Frame
from approx_perception.structures.frame_result import BesideRun, FrameResult, StageTimings
from approx_perception.structures.ground_truth import GroundTruth
from approx_perception.structures.group import GroupEnded

__all__ = [
    "COMPLEXITY_CATEGORIES",
    "SLA",
    "BesideRun",
    "Classification",
    "Content",
    "ContentFeatures",
    "ContentionState",
    "Decision",
    "Detections",
    "Frame",
    "FrameResult",
    "GroundTruth",
    "GroupEnded",
    "ImageComplexity",
    "LoadReading",
    "Observation",
    "SlaScope",
    "StageTimings",
]
