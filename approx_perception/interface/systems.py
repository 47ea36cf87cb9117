"""Names of policies and systems, for users."""

__all__ = [
    "ALIASES",
    "BESIDE_POLICIES",
    "EXECUTIONS",
    "HINDSIGHT",
    "POLICIES",
    "POLICY_NAMES",
    "SYSTEMS",
    "TASKS",
    "WITH_BRANCH",
]

_COMMON = ("most_accurate", "least_latency", "fixed", "fastest")

#: Ways to choose a branch, by task.
POLICIES = {
    "detection": (*_COMMON, "approxdet", "adascale", "triggered"),
    "classification": _COMMON,
}

#: Of any task.
POLICY_NAMES = POLICIES["detection"]

#: How detections and frames share time: in turn, or detections in a thread of their own.
EXECUTIONS = ("sequential", "pipelined")

#: Policies that can choose where detections run beside the frames.
BESIDE_POLICIES = _COMMON

#: What a kernel can be for.
TASKS = tuple(POLICIES)

#: Systems that choose when all is over; see `simulation.hindsight`.
HINDSIGHT = ("oracle", "best_fixed")

#: Policies that run the one branch that the user names.
WITH_BRANCH = ("fixed", "triggered")

#: What can be evaluated, and the policy that runs meanwhile.
SYSTEMS: dict[str, str] = {
    **{name: name for name in POLICY_NAMES},
    **dict.fromkeys(HINDSIGHT, "fastest"),
}

#: Other words for policies. `detector_only` is `fixed` without a tracker.
ALIASES = {"ours": "most_accurate", "detector_only": "fixed"}
