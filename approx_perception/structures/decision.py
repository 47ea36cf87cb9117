"""What the scheduler is told and what it answers."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.structures.content import Content

__all__ = ["SLA", "ContentionState", "Decision", "LoadReading", "Observation", "SlaScope"]


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
    accuracy
        Least accuracy wanted, 0..1, for policies that save latency; 0 for none.
    asked_ms
        What the user asks for, where ``latency_ms`` is one camera's share of a budget; else None.

    Raises
    ------
    ConfigurationError
        If a value is outside its range.
    """

    latency_ms: float
    quantile: float = 0.95
    scope: SlaScope = SlaScope.FRAME
    accuracy: float = 0.0
    asked_ms: float | None = field(default=None, compare=False)

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
            raise ConfigurationError(f"the SLA's scope is {shown(self.scope)}; choose {names}")
        if not 0 <= self.accuracy <= 1:
            raise ConfigurationError(
                f"the accuracy asked for is {shown(self.accuracy)}; it must lie between 0 and 1, 0 "
                "for none"
            )
        object.__setattr__(self, "scope", SlaScope(self.scope))

    def to_dict(self) -> dict[str, float | str]:
        """What a user sets, as plain JSON."""
        return {
            "latency_ms": self.latency_ms,
            "quantile": self.quantile,
            "scope": self.scope.value,
            "accuracy": self.accuracy,
        }

    @property
    def budget_text(self) -> str:
        """For people, such as ``20 ms``; of a share also what the user asks for."""
        share = "" if self.asked_ms is None else f" (its share of {self.asked_ms:g} ms)"
        return f"{self.latency_ms:g} ms{share}"

    @property
    def text(self) -> str:
        """For people, such as ``SLA 20 ms for 95 % of frames``."""
        unit = "frames" if self.scope is SlaScope.FRAME else "groups"
        target = f", accuracy {self.accuracy:g}" if self.accuracy else ""
        return f"SLA {self.budget_text} for {100 * self.quantile:g} % of {unit}{target}"


@dataclass(frozen=True, slots=True)
class LoadReading:
    """What a load monitor says that others than us are using, as shares 0..1.

    Attributes
    ----------
    cpu
        Of all cores together; None where nobody tells.
    gpu
        Of the GPU's time; None where nobody tells.

    Raises
    ------
    ConfigurationError
        If a share is outside 0..1 or nan.
    """

    cpu: float | None = None
    gpu: float | None = None

    def __post_init__(self) -> None:
        for name in ("cpu", "gpu"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ConfigurationError(f"{name} load is {value}; it must lie between 0 and 1")


@dataclass(frozen=True, slots=True)
class ContentionState:
    """What else is using the machine, as the scheduler believes.

    Attributes
    ----------
    cpu, gpu
        Shares 0..1 taken by others than us; 0 where they cannot be told.
    slowdown
        How much longer what starts groups takes than on the idle machine.
    source
        Where the figures come from: ``none``, ``latency`` or ``latency and load topics``.
    """

    cpu: float = 0.0
    gpu: float = 0.0
    slowdown: float = 1.0
    source: str = "none"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a decision is based on, as seen just before a frame is processed.

    Attributes
    ----------
    sla
        In force for this frame.
    content
        Of the frames before; of the kernel's own type of `Content`.
    source_id, image_size
        Stream of the frame, and its width and height in px; a new one starts a new group.
    load
        Newest reading of a load monitor; without figures while all are silent.
    can_begin
        Whether a group may begin with this frame: not while what begins one is under way beside.
    period_ms
        From one frame to the next, by their stamps; 0 where it is not known.
    """

    sla: SLA
    content: Any = field(default_factory=Content)
    source_id: str = ""
    image_size: tuple[int, int] = (0, 0)
    load: LoadReading = LoadReading()
    can_begin: bool = True
    period_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with one frame.

    Attributes
    ----------
    branch
        In force for this frame; of the kernel's own type.
    kind
        Name of the kind of frame that it is; see `CompiledSpace`.
    starts_group
        Whether it is the first one of a group.
    switched
        Whether ``branch`` differs from the one before.
    expected_ms
        Mean latency of a frame, over a group.
    expected_quantile_ms
        Latency at the SLA's quantile, in the SLA's scope.
    expected_accuracy
        Accuracy expected of the branch, 0..1.
    reason
        Why, in words for the user.
    contention
        What else was believed to use the machine.
    fits
        Whether any branch that may be chosen is expected inside the SLA.
    fastest_ms
        Latency at the SLA's quantile, in the SLA's scope, of the fastest branch that may be chosen;
        nan where nobody predicts it.
    """

    branch: Any
    kind: str
    starts_group: bool
    switched: bool
    expected_ms: float
    expected_quantile_ms: float
    expected_accuracy: float
    reason: str
    contention: ContentionState = ContentionState()
    fits: bool = True
    fastest_ms: float = float("nan")
