"""What each part of a space takes now: the fitted model, the sensed contention and the bias."""

import math

import numpy as np
import numpy.typing as npt

from approx_perception.branches import CompiledSpace
from approx_perception.kernels import CostTerms
from approx_perception.latency.contention_filter import ContentionFilter
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.latency.part_bias import PartBias
from approx_perception.structures import (
    Content,
    ContentionState,
    LoadReading,
    Observation,
)

__all__ = ["PartLatency"]

Vector = npt.NDArray[np.float64]


class PartLatency:
    """Typical latency of the P parts, and of none, as the last observation tells.

    Parameters
    ----------
    compiled
        Whose parts they are.
    model
        Of these parts, from a profile or a calibration.
    terms
        The kernel's.
    """

    def __init__(self, compiled: CompiledSpace, model: LatencyModel, terms: CostTerms) -> None:
        self.model = model
        self._terms = terms
        self._filter = ContentionFilter(model.log_slowdown, model.scatter, model.load)
        self._bias = PartBias(compiled.family_of)
        #: ``(S, 3)`` in each state: mean log slowdown of what starts groups, and the load of CPU
        #: and GPU that a monitor reads, 0 where unknown.
        self._told_of_states = np.column_stack(
            [model.log_slowdown[compiled.main_parts[0]].mean(axis=0), np.nan_to_num(model.load)]
        )
        width, height = (int(side) for side in model.profiled_size)
        self._profiled_size = self._image_size = (width, height)
        count = len(model.base)
        runs_beside = bool((compiled.beside < count).any())
        #: ``(P,)`` what parts take longer side by side with each other.
        self._beside = np.exp(model.beside) if runs_beside and len(model.beside) else 1.0
        #: ``(P,)`` what contention and bias multiplied costs by when predicted last.
        self._factor = np.ones(count)
        #: ``(P + 1,)`` latency on the idle machine and typical latency, in ms, when predicted last.
        self._base_ms, self.typical_ms = np.zeros(count + 1), np.zeros(count + 1)

    def predict(self, observation: Observation) -> ContentionState:
        """Predict all parts; returns the contention that they are expected under."""
        self._filter.hear(observation.load)
        self._image_size = (
            observation.image_size if all(observation.image_size) else self._profiled_size
        )
        self._factor = self._factor_now()
        self.take_in(observation.content)
        return self._contention(observation.load)

    def take_in(self, content: Content) -> None:
        """Predict all parts anew for other content, contention as it was predicted."""
        self._base_ms[:-1] = self._costs_ms(content, self._image_size)
        self.typical_ms[:-1] = self._base_ms[:-1] * self._factor

    def now_ms(self) -> Vector:
        """``(P + 1,)`` typical latencies by all that was observed since, too."""
        return np.asarray(self._base_ms * np.append(self._factor_now(), 1.0))

    def idle_ms(self, image_size: tuple[int, int]) -> Vector:
        """``(P,)`` typical latencies on the idle machine, as measured, of images of that size."""
        return self._costs_ms(self._terms.content_type(), image_size)

    def is_known(self, part: int) -> bool:
        """Whether a part was predicted to cost anything, so that a latency of it can be judged."""
        return bool(self._base_ms[part] > 0)

    def is_settled(self, part: int) -> bool:
        """Whether enough was seen that a residual of a part is noise rather than its bias."""
        return self._bias.is_settled(part)

    def observe(self, part: int, part_ms: float, batch_size: int = 1) -> None:
        """Learn contention from a latency, and the part's bias from what that does not explain.

        Of a batch, ``part_ms`` is one image's part, and what is learned is the batch's bias.
        """
        log_ratio = self._log_ratio(part, part_ms) - self._bias.of_batch(part, batch_size)
        self._filter.observe(part, log_ratio)
        if batch_size > 1:
            self._bias.observe_batch(part, batch_size, log_ratio - self._believed(part))
        else:
            self.correct(part, part_ms)

    def correct(self, part: int, part_ms: float) -> None:
        """Learn the bias alone from a latency."""
        self._bias.observe(part, self._log_ratio(part, part_ms) - self._believed(part))

    def batch_factor(self, part: int, batch_size: int) -> float:
        """Ratio of an image's part of a batch to what it takes alone."""
        return math.exp(self._bias.of_batch(part, batch_size))

    def _costs_ms(self, content: Content, image_size: tuple[int, int]) -> Vector:
        terms = self._terms(content, image_size, self._profiled_size)
        return np.asarray(self.model.base_ms(terms) * self._beside)

    def _factor_now(self) -> Vector:
        log_slowdown = self.model.log_slowdown @ self._filter.weights
        return np.asarray(np.exp(log_slowdown + self._bias.values))

    def _believed(self, part: int) -> float:
        """Log slowdown of a part by contention."""
        return float(self.model.log_slowdown[part] @ self._filter.weights)

    def _log_ratio(self, part: int, part_ms: float) -> float:
        """Log ratio of a latency to that of the idle machine, bias included."""
        return math.log(part_ms / float(self._base_ms[part])) - float(self._bias.values[part])

    def _contention(self, reading: LoadReading) -> ContentionState:
        log_slowdown, cpu, gpu = (self._filter.weights @ self._told_of_states).tolist()
        source = "latency and load topics" if self._filter.uses_load(reading) else "latency"
        if not self.model.is_profiled:
            cpu, gpu = reading.cpu or 0.0, reading.gpu or 0.0
        return ContentionState(cpu, gpu, math.exp(log_slowdown), source)
