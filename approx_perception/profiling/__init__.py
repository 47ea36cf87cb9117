"""Measure on this device what branches cost."""

from approx_perception.profiling.calibration import measure_latency

__all__ = ["measure_latency"]
