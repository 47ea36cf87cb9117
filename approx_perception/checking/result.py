"""What a check found."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["CheckResult", "Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the network, as a shape.

    Attributes
    ----------
    name
        As branches name it.
    median_ms, p95_ms, runs
        Latency of one image, warm and on the machine as it is now.
    found
        What was found in the image, in words.
    """

    name: str
    median_ms: float
    p95_ms: float
    runs: int
    found: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A network that works; what does not raises.

    Attributes
    ----------
    task, network
        What it does, and what it is, runtime and device included.
    told
        What the file was taken for and why, by heading.
    caution
        What a user of real images must know; empty for nothing.
    class_names
        In the order of class ids.
    runtime, device, precision, threads
        What runs it, on what, in what numbers, with how many CPU threads.
    runtime_reason
        Why that runtime and precision; empty where nothing was to choose.
    branches
        How many its own space has.
    memory_mb
        Of the file, and by how much the process grew: when it was loaded, and when all settings
        had run.
    image
        What was looked at, and its width and height in px.
    settings
        In the order of the space.
    warnings
        Sentences; empty where nothing looks wrong.
    """

    task: str
    network: str
    told: Mapping[str, str]
    caution: str
    class_names: Sequence[str]
    runtime: str
    device: str
    precision: str
    threads: int
    runtime_reason: str
    branches: int
    memory_mb: Mapping[str, float]
    image: str
    image_size: tuple[int, int]
    settings: Sequence[Setting]
    warnings: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)
