"""Decides which branch runs: events in, decisions out; no I/O, no clock, no networks."""

from approx_perception.scheduling.original_policy import OriginalPolicy, rising_frontier
from approx_perception.scheduling.policies import (
    Candidates,
    Fastest,
    Fixed,
    MostAccurate,
    SchedulingPolicy,
    Selection,
)
from approx_perception.scheduling.policy_factory import (
    POLICY_NAMES,
    PolicyFactory,
    check_policy_name,
)
from approx_perception.scheduling.scheduler import Scheduler

__all__ = [
    "POLICY_NAMES",
    "Candidates",
    "Fastest",
    "Fixed",
    "MostAccurate",
    "OriginalPolicy",
    "PolicyFactory",
    "Scheduler",
    "SchedulingPolicy",
    "Selection",
    "check_policy_name",
    "rising_frontier",
]
