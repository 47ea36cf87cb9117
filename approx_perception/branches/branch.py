"""One setting of all knobs."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from approx_perception.branches.knobs import check_knobs, read_knobs
from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["TRACKER_NAMES", "Branch", "TrackerSettings", "parse_branch"]

#: Trackers that a branch may name; approx_perception.trackers implements each.
TRACKER_NAMES = ("median_flow", "kcf", "csrt", "mosse", "dense_flow", "dis_flow")

_LIMITS = {
    "shape": (32, 4096),
    "nprop": (1, 1000),
    "si": (1, 1000),
    "ds": (1, 16),
    "model": (1, 16),
}


@dataclass(frozen=True, slots=True, order=True)
class TrackerSettings:
    """A tracker and the factor by which it shrinks the image first."""

    name: str
    ds: int = 1

    def __str__(self) -> str:
        return f"{self.name}:{self.ds}"


@dataclass(frozen=True, slots=True)
class Branch:
    """One setting of all knobs; equality answers "did we switch?".

    Attributes
    ----------
    shape
        Side of the network's input in px: the short side for Faster R-CNN, the long side of the
        letterbox for YOLOX.
    nprop
        Proposals kept after the RPN; None for a family without proposals.
    si
        Sampling interval: the detector runs on every si-th frame.
    tracker, ds
        Who moves the boxes on the frames between, and its down-sampling; None at si = 1.
    model
        Which of several networks detects, from 1 on; None where there is one.

    Raises
    ------
    ConfigurationError
        If a knob is outside its range, or the tracker is unknown, missing or without use.
    """

    shape: int
    nprop: int | None = None
    si: int = 1
    tracker: str | None = None
    ds: int | None = None
    model: int | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _LIMITS}
        absent = {name for name in ("nprop", "ds", "model") if given[name] is None}
        check_knobs({name: given[name] for name in given if name not in absent}, _LIMITS)
        if self.tracker is not None and self.tracker not in TRACKER_NAMES:
            raise ConfigurationError(
                f"there is no tracker {shown(self.tracker)}; choose {choices(TRACKER_NAMES)}"
            )
        if (self.si > 1) != (self.tracker is not None) or (self.si > 1) != (self.ds is not None):
            raise ConfigurationError(
                f"a branch with si={self.si} has tracker={self.tracker} and ds={self.ds}; "
                "tracker and ds belong to si above 1 and only there"
            )

    @property
    def tracker_settings(self) -> TrackerSettings | None:
        """Tracker and ds together; None at si = 1."""
        if self.tracker is None or self.ds is None:
            return None
        return TrackerSettings(self.tracker, self.ds)

    @property
    def detector_settings(self) -> tuple[int, int | None, int | None]:
        """``(shape, nprop, model)``: what the detector is told."""
        return self.shape, self.nprop, self.model

    def __str__(self) -> str:
        names = ("model", *(field.name for field in fields(self) if field.name != "model"))
        knobs = ((name, getattr(self, name)) for name in names)
        return ",".join(f"{name}={value}" for name, value in knobs if value is not None)


def parse_branch(text: str, default: Branch) -> Branch:
    """Read ``shape=416,si=4``; knobs not named are the default's.

    At ``si=1`` the default's tracker is dropped; above it, a default without a tracker gives
    way to MedianFlow at ds 1.

    Raises
    ------
    ConfigurationError
        If a knob or value cannot be understood.
    """
    own: dict[str, Any] = asdict(default)
    named = read_knobs(text, own, _LIMITS)
    knobs = {**own, **named}
    if knobs["si"] == 1 and not named.keys() & {"tracker", "ds"}:
        knobs["tracker"] = knobs["ds"] = None
    elif knobs["si"] > 1:
        knobs["tracker"] = knobs["tracker"] or "median_flow"
        knobs["ds"] = knobs["ds"] or 1
    return Branch(**knobs)
