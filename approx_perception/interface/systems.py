"""Names of the systems that can be evaluated, for users."""

__all__ = ["HINDSIGHT", "SYSTEMS", "WITH_BRANCH"]

#: Systems that choose when all is over; see `simulation.hindsight`.
HINDSIGHT = ("oracle", "best_fixed")

#: Systems that run the one branch that the user names.
WITH_BRANCH = ("fixed", "detector_only", "triggered")

#: What a user may ask for, and the policy behind it.
SYSTEMS: dict[str, str] = {
    "ours": "most_accurate",
    "approxdet": "approxdet",
    "fixed": "fixed",
    "detector_only": "fixed",
    "adascale": "adascale",
    "triggered": "triggered",
    "fastest": "fastest",
    **dict.fromkeys(HINDSIGHT, "fastest"),
}

#: Ways to choose a branch.
POLICY_NAMES = ("most_accurate", "fixed", "fastest", "approxdet", "adascale", "triggered")
