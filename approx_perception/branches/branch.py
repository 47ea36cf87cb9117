"""One setting of all knobs."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.files import whole_number

__all__ = ["TRACKER_NAMES", "Branch", "TrackerSettings", "parse_branch"]

#: Trackers that a branch may name; approx_perception.trackers implements each.
TRACKER_NAMES = ("median_flow", "kcf", "csrt", "mosse", "dense_flow", "dis_flow")

_LIMITS = {"shape": (32, 4096), "nprop": (1, 1000), "si": (1, 1000), "ds": (1, 16)}


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

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not low <= value <= high):
                raise ConfigurationError(
                    f"knob {name} is {shown(value)}; it must be a whole number from {low} to {high}"
                )
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
    def detector_settings(self) -> tuple[int, int | None]:
        """``(shape, nprop)``: what the detector is told."""
        return self.shape, self.nprop

    def __str__(self) -> str:
        knobs = ((field.name, getattr(self, field.name)) for field in fields(self))
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
    knobs: dict[str, Any] = asdict(default)
    named: set[str] = set()
    for item in filter(None, text.split(",")):
        name, separator, value = (part.strip() for part in item.partition("="))
        if not separator or name not in knobs:
            raise ConfigurationError(
                f"cannot read {shown(item)} in branch {shown(text)}; write knob=value with the "
                f"knobs {choices(knobs)}"
            )
        if name in named:
            raise ConfigurationError(
                f"branch {shown(text)} names {name} twice; name each knob once at most"
            )
        named.add(name)
        knobs[name] = value if name == "tracker" else whole_number(value)
        if knobs[name] is None:
            low, high = _LIMITS[name]
            raise ConfigurationError(
                f"knob {name} is {shown(value)} in branch {shown(text)}; it must be a whole number "
                f"from {low} to {high}"
            )
    if knobs["si"] == 1 and not named & {"tracker", "ds"}:
        knobs["tracker"] = knobs["ds"] = None
    elif knobs["si"] > 1:
        knobs["tracker"] = knobs["tracker"] or "median_flow"
        knobs["ds"] = knobs["ds"] or 1
    return Branch(**knobs)
