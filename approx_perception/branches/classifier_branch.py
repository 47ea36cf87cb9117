"""One setting of the two knobs of a classifier."""

from dataclasses import asdict, dataclass

from approx_perception.branches.knobs import check_knobs, read_knobs
from approx_perception.exceptions import ConfigurationError, shown

__all__ = ["ClassifierBranch", "parse_classifier_branch"]

_LIMITS = {"shape": (32, 4096), "exit": (1, 100)}


@dataclass(frozen=True, slots=True, order=True)
class ClassifierBranch:
    """One setting of all knobs; equality answers "did we switch?".

    Attributes
    ----------
    shape
        Side of the network's square input in px.
    exit
        Where the network is left, counted from 1; the last one is behind all layers.

    Raises
    ------
    ConfigurationError
        If a knob is outside its range.
    """

    shape: int
    exit: int

    def __post_init__(self) -> None:
        check_knobs(asdict(self), _LIMITS)

    def __str__(self) -> str:
        return f"shape={self.shape},exit={self.exit}"


def parse_classifier_branch(text: str, default: ClassifierBranch | None = None) -> ClassifierBranch:
    """Read ``shape=128,exit=3``; knobs not named are the default's.

    Raises
    ------
    ConfigurationError
        If a knob or value cannot be understood, or one is missing that no default has.
    """
    known = {} if default is None else asdict(default)
    knobs = {**known, **read_knobs(text, _LIMITS, _LIMITS)}
    if missing := sorted(set(_LIMITS) - set(knobs)):
        raise ConfigurationError(f"branch {shown(text)} does not name {' and '.join(missing)}")
    return ClassifierBranch(int(knobs["shape"]), int(knobs["exit"]))
