"""Decides which branch runs: events in, decisions out; no I/O, no clock, no networks."""

from approx_perception.scheduling.policies import (
    Candidates,
    Fastest,
    Fixed,
    LeastLatency,
    MostAccurate,
    SchedulingPolicy,
    Selection,
)
from approx_perception.scheduling.scheduler import Scheduler

__all__ = [
    "Candidates",
    "Fastest",
    "Fixed",
    "LeastLatency",
    "MostAccurate",
    "Scheduler",
    "SchedulingPolicy",
    "Selection",
]
