"""What a run is subjected to, from YAML: steps of SLA and contention, and limits to keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.files import read_yaml_table
from approx_perception.metrics.limits import Limit, read_limits

__all__ = ["NO_CONTENTION", "Scenario"]

NO_CONTENTION: dict[str, float] = {
    "cpu_cores": 0, "cpu_share": 1.0, "memory_mb_s": 0.0, "gpu_share": 0.0,
}  # fmt: skip
_KEYS = ("sla_steps", "contention_steps", "camera", "limits")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps by frame, and limits.

    Attributes
    ----------
    sla_steps
        ``{first frame: latency in ms}``.
    contention_steps
        ``{first frame: amounts}`` in the words of `ContentionLevel`.
    camera
        Whether frames that come too soon are dropped.
    limits
        Figures that decide on pass and fail.
    """

    sla_steps: Mapping[int, float] = field(default_factory=dict)
    contention_steps: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    camera: bool = False
    limits: tuple[Limit, ...] = ()

    @classmethod
    def from_yaml(cls, path: Path) -> "Scenario":
        """Read a scenario.

        Raises
        ------
        ConfigurationError
            Naming the entry that cannot be used.
        """
        content = read_yaml_table(path, "scenario", choices(_KEYS))
        if unknown := set(content) - set(_KEYS):
            raise ConfigurationError(
                f"{path}: there is no entry {shown(sorted(map(str, unknown))[0])}; choose "
                f"{choices(_KEYS)}"
            )
        camera = content.get("camera", False)
        if not isinstance(camera, bool):
            raise ConfigurationError(f"{path}: camera is {shown(camera)}; write true or false")
        slas = _steps(path, "sla_steps", content.get("sla_steps"))
        contention = _steps(path, "contention_steps", content.get("contention_steps"))
        return cls(
            {frame: _latency_ms(path, value) for frame, value in slas.items()},
            {frame: _amounts(path, value) for frame, value in contention.items()},
            camera,
            tuple(read_limits(content.get("limits") or {}, str(path))),
        )


def _steps(path: Path, name: str, content: Any) -> dict[int, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(
        isinstance(frame, int) and frame >= 0 for frame in content
    ):
        raise ConfigurationError(
            f"{path}: {name} is {shown(content)}, expected 'frame: value' lines"
        )
    return dict(sorted(content.items()))


def _latency_ms(path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigurationError(f"{path}: an SLA step is {shown(value)}, expected ms above 0")
    return float(value)


def _amounts(path: Path, value: Any) -> dict[str, float]:
    amounts = value or {}
    if not isinstance(amounts, dict) or not all(
        isinstance(amount, int | float) and not isinstance(amount, bool)
        for amount in amounts.values()
    ):
        raise ConfigurationError(
            f"{path}: a contention step is {shown(value)}, expected amounts such as "
            "{cpu_cores: 1, cpu_share: 0.5}"
        )
    if unknown := set(amounts) - set(NO_CONTENTION):
        raise ConfigurationError(
            f"{path}: there is no contention {shown(sorted(map(str, unknown))[0])}; choose "
            f"{choices(NO_CONTENTION)}"
        )
    return NO_CONTENTION | amounts
