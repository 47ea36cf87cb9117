"""Measure on this device what branches cost and are worth."""

from approx_perception.profiling.calibration import calibrate
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel
from approx_perception.profiling.records import ProfileRecords

__all__ = ["ContentionGenerator", "ContentionLevel", "ProfileRecords", "calibrate"]
