"""Newest readings of several load monitors, and which of them have fallen silent."""

import math
import threading
from dataclasses import dataclass

from approx_perception.clock import Clock
from approx_perception.exceptions import ConfigurationError
from approx_perception.structures import LoadReading

__all__ = ["LoadInputs", "share_of_percent"]


def share_of_percent(percent: float) -> float:
    """Turn 0..100 into 0..1.

    Raises
    ------
    ConfigurationError
        If it is outside, or nan.
    """
    if not 0 <= percent <= 100:
        raise ConfigurationError(f"load is {percent:g}; it must be a percentage from 0 to 100")
    return percent / 100


@dataclass(frozen=True, slots=True)
class _Input:
    reading: LoadReading
    received_ns: int


class LoadInputs:
    """Merge monitors; safe to tell and to ask from any thread.

    Parameters
    ----------
    clock
        Tells how old a reading is.
    max_age_s
        Older ones count as silent.
    """

    def __init__(self, clock: Clock, max_age_s: float = 2.0) -> None:
        self._clock = clock
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._inputs: dict[str, _Input] = {}

    def restart(self, max_age_s: float) -> None:
        """Forget all monitors; from now on others may speak."""
        with self._lock:
            self._max_age_s = max_age_s
            self._inputs.clear()

    def update(self, name: str, cpu: float = math.nan, gpu: float = math.nan) -> None:
        """Take in shares 0..1 from a monitor; nan where it does not tell.

        Raises
        ------
        ConfigurationError
            If a share is outside 0..1.
        """
        reading = LoadReading(*(None if math.isnan(share) else share for share in (cpu, gpu)))
        with self._lock:
            self._inputs[name] = _Input(reading, self._clock.monotonic_ns())

    def reading(self) -> LoadReading:
        """Newest figures of those who are not silent; of several the highest."""
        with self._lock:
            fresh = [i.reading for i in self._inputs.values() if self._age_s(i) <= self._max_age_s]
        if not fresh:
            return LoadReading()
        cpu = max((r.cpu for r in fresh if r.cpu is not None), default=None)
        gpu = max((r.gpu for r in fresh if r.gpu is not None), default=None)
        return LoadReading(cpu, gpu)

    def silent(self) -> dict[str, float]:
        """Monitors that spoke once and no more, with the age of their last word in s."""
        with self._lock:
            ages = {name: self._age_s(entry) for name, entry in self._inputs.items()}
        return {name: age for name, age in ages.items() if age > self._max_age_s}

    def heard(self) -> tuple[str, ...]:
        """Monitors that ever spoke."""
        with self._lock:
            return tuple(self._inputs)

    def _age_s(self, entry: _Input) -> float:
        return (self._clock.monotonic_ns() - entry.received_ns) / 1e9
