"""A machine whose latencies were recorded, under any schedule of contention."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import CompiledSpace
from approx_perception.files import Columns
from approx_perception.kernels import CostTerms
from approx_perception.latency.fit import fit_latency, part_residuals
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.structures import Content, LoadReading

__all__ = ["LatencyTrace", "SimulatedMachine"]

Vector = npt.NDArray[np.float64]


class LatencyTrace:
    """Recorded latencies of all parts at several levels of contention, to be drawn from.

    Parameters
    ----------
    columns
        Of records, at levels 0, 1 ..., in order of time.
    load
        ``(L, 2)`` readings of CPU and GPU share of others at each level.
    compiled
        Whose parts they are.
    terms
        The kernel's, of their costs.
    image_size
        Width and height in px of the images.
    """

    def __init__(
        self,
        columns: Columns,
        load: Vector,
        compiled: CompiledSpace,
        terms: CostTerms,
        image_size: tuple[int, int],
    ) -> None:
        self.load, self.compiled = load, compiled
        self._terms, self._image_size = terms, image_size
        self._models: list[LatencyModel] = []
        #: Of each level and part, log residuals in order of time.
        self._residuals: list[list[Vector]] = []
        for level in range(len(load)):
            rows = columns["level"] == level
            own = {name: column[rows] for name, column in columns.items()}
            own["level"] = np.zeros(int(rows.sum()))
            model = fit_latency(own, np.full((1, 2), np.nan), compiled, terms)
            self._models.append(model)
            self._residuals.append(part_residuals(own, model, compiled, terms))

    @property
    def level_count(self) -> int:
        """L."""
        return len(self._models)

    def terms(self, content: Content) -> Vector:
        """``(P, Q)`` terms of the parts' costs at a content."""
        return self._terms(content, self._image_size, self._image_size)

    def typical_ms(self, level: int, terms: Vector) -> Vector:
        """``(P,)`` typical latencies of all parts."""
        return self._models[level].base_ms(terms)

    def noise(self, level: int, position: int) -> Vector:
        """``(P,)`` log residuals of all parts at a position in the trace, which begins anew."""
        parts = np.arange(len(self.compiled.parts))
        return np.array([
            own[(position + 17 * part) % len(own)] if len(own) else 0.0
            for part, own in zip(parts, self._residuals[level], strict=True)
        ])  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMachine:
    """A machine with a schedule of contention, whose latencies come from a trace.

    Attributes
    ----------
    trace
        What things cost.
    level
        Of contention while a frame is processed, by its number.
    overhead_ms
        What a frame costs beside its parts.
    load_delay_frames
        Frames after which a load monitor tells.
    seed
        Where in the trace each part begins.
    """

    trace: LatencyTrace
    level: Callable[[int], int]
    overhead_ms: float = 1.0
    load_delay_frames: int = 6
    seed: int = 0

    def factors(self, frame: int) -> Vector:
        """``(P,)`` what each part takes in a frame, to what is typical: the same whoever asks."""
        level = self.level(frame)
        return np.exp(self.trace.noise(level, frame + 7919 * self.seed + 131 * level))

    def part_ms(self, frame: int, content: Content) -> Vector:
        """``(P,)`` latencies of all parts in a frame, at a content."""
        typical = self.trace.typical_ms(self.level(frame), self.trace.terms(content))
        return np.asarray(typical * self.factors(frame))

    def reading(self, frame: int) -> LoadReading:
        """What a load monitor says while a frame is processed."""
        cpu, gpu = self.trace.load[self.level(max(frame - self.load_delay_frames, 0))]
        return LoadReading(*(None if np.isnan(share) else float(share) for share in (cpu, gpu)))
