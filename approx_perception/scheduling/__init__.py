"""Decides which branch runs: events in, decisions out; no I/O, no clock, no networks."""

from approx_perception.scheduling.policies import (
    POLICY_NAMES,
    Candidates,
    Fastest,
    Fixed,
    MostAccurate,
    SchedulingPolicy,
    Selection,
    create_policy,
)
from approx_perception.scheduling.scheduler import Scheduler

__all__ = [
    "POLICY_NAMES",
    "Candidates",
    "Fastest",
    "Fixed",
    "MostAccurate",
    "Scheduler",
    "SchedulingPolicy",
    "Selection",
    "create_policy",
]
