"""What the scheduler is told and what it answers."""

from dataclasses import dataclass
from enum import Enum

from approx_perception.branches import Branch
from approx_perception.exceptions import ConfigurationError, choices

__all__ = ["SLA", "ContentionState", "Decision", "Observation", "SlaScope"]


class SlaScope(str, Enum):
    """What the latency of an SLA is counted over."""

    FRAME = "frame"
    """Every frame counts for itself."""
    GOF = "gof"
    """The mean over a group of frames (a detection frame and the tracked ones after it)."""


@dataclass(frozen=True, slots=True)
class SLA:
    """The latency that the user asks for.

    Attributes
    ----------
    latency_ms
        Budget for processing, in ms.
    quantile
        Share of frames (or groups) that must be inside it, 0..1 exclusive.
    scope
        Frames or groups of frames.

    Raises
    ------
    ConfigurationError
        If a value is outside its range.
    """

    latency_ms: float
    quantile: float = 0.95
    scope: SlaScope = SlaScope.FRAME

    def __post_init__(self) -> None:
        if not 0 < self.latency_ms < float("inf"):
            raise ConfigurationError(
                f"the SLA is {self.latency_ms} ms; it must be a finite number above 0"
            )
        if not 0 < self.quantile < 1:
            raise ConfigurationError(
                f"the SLA's quantile is {self.quantile}; it must lie between 0 and 1, both excluded"
            )
        if self.scope not in tuple(SlaScope):
            names = choices(scope.value for scope in SlaScope)
            raise ConfigurationError(f"the SLA's scope is {self.scope!r}; choose {names}")
        object.__setattr__(self, "scope", SlaScope(self.scope))


@dataclass(frozen=True, slots=True)
class ContentionState:
    """What else is using the machine.

    Attributes
    ----------
    cpu, gpu
        Shares 0..1 taken by others than us.
    source
        Where the figures come from; ``none`` while nothing senses contention.
    """

    cpu: float = 0.0
    gpu: float = 0.0
    source: str = "none"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a decision is based on, as seen just before a frame is processed.

    Attributes
    ----------
    sla
        In force for this frame.
    object_count
        Objects in view after the previous frame.
    source_id, image_size
        Stream of the frame, and its width and height in px; a new one starts a new group.
    contention
        What else is using the machine.
    """

    sla: SLA
    object_count: int = 0
    source_id: str = ""
    image_size: tuple[int, int] = (0, 0)
    contention: ContentionState = ContentionState()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with one frame.

    Attributes
    ----------
    branch
        In force for this frame.
    run_detector
        Whether this frame starts a group: detect, else track.
    switched
        Whether ``branch`` differs from the one before.
    expected_ms
        Mean latency of a frame, over a group.
    expected_quantile_ms
        Latency at the SLA's quantile, in the SLA's scope.
    expected_accuracy
        AP50 expected of the branch, 0..1.
    reason
        Why, in words for the user.
    """

    branch: Branch
    run_detector: bool
    switched: bool
    expected_ms: float
    expected_quantile_ms: float
    expected_accuracy: float
    reason: str
