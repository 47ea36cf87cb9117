"""What each part of a space takes now: the fitted model, the sensed contention and the bias."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.latency._base import InputPx
from approx_perception.latency.contention_filter import ContentionFilter
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.latency.part_bias import PartBias
from approx_perception.structures import (
    ContentFeatures,
    ContentionState,
    LoadReading,
    Observation,
)

__all__ = ["PartLatency"]

Vector = npt.NDArray[np.float64]


class PartLatency:
    """Typical latency of the parts, as the last observation and all latencies since tell.

    Parts are those of `LatencyModel`, and one behind the last that stands for no tracker and
    costs nothing.

    Parameters
    ----------
    space
        Whose parts they are.
    model
        Of the parts of that space, from a profile or a calibration.
    input_px
        The detector's own, see `Detector.input_px`; None if all images are of the aspect that was
        profiled.
    corrects_online
        Whether frames correct the model; off only to learn what that is worth.
    """

    def __init__(
        self,
        space: BranchSpace,
        model: LatencyModel,
        input_px: InputPx | None = None,
        corrects_online: bool = True,
    ) -> None:
        self.model = model
        self._settings = {setting: i for i, setting in enumerate(space.detector_settings)}
        #: Positions of trackers and, behind them, of none.
        trackers: list[TrackerSettings | None] = [*space.trackers, None]
        self.tracker_positions = {tracker: i for i, tracker in enumerate(trackers)}
        count, self._nothing = model.setting_count, len(model.base)
        #: ``(T + 1,)`` parts of their initialisation and step.
        self.inits = np.array([*range(count, count + model.tracker_count), self._nothing])
        self.steps = np.array([*range(count + model.tracker_count, self._nothing), self._nothing])
        #: ``(S, 3)`` in each state: mean log slowdown of detections, and the load of CPU and GPU
        #: that a monitor reads, 0 where unknown.
        self._told_of_states = np.column_stack(
            [model.log_slowdown[:count].mean(axis=0), np.nan_to_num(model.load)]
        )
        self._filter = ContentionFilter(model.log_slowdown, model.scatter, model.load)
        self._bias = PartBias(count, model.tracker_count, corrects_online)
        self._input_px = input_px
        self._image_size = (0, 0)
        self._pixels_ms = _pixels_ms(space.detector_settings, model.base[:count, 0])
        #: ``(D,)`` what detections take longer, as the images are not of the aspect profiled.
        self._aspect_ms = np.zeros(count)
        self._load = LoadReading()
        #: ``(P,)`` what contention and bias multiplied costs by when predicted last.
        self._factor = np.ones(len(model.base))
        #: ``(P + 1,)`` latency on the idle machine and typical latency, in ms, when predicted last.
        self._base_ms = np.zeros(len(model.base) + 1)
        self.typical_ms = np.zeros(len(model.base) + 1)
        #: ``(P + 1,)`` standard deviation of their logarithm.
        self._scatter = np.full(len(model.base) + 1, 0.1)

    def positions_of(self, branch: Branch) -> tuple[int, int, int]:
        """Positions of a branch's detection, initialisation and step."""
        tracker = self.tracker_positions[branch.tracker_settings]
        setting = self._settings[branch.detector_settings]
        return setting, int(self.inits[tracker]), int(self.steps[tracker])

    def predict(self, observation: Observation) -> ContentionState:
        """Predict all parts; returns the contention that they are expected under."""
        self._load = observation.load
        weights = self._filter.weights(observation.load)
        self._factor = np.exp(self.model.log_slowdown @ weights + self._bias.values)
        self._scatter[:-1] = self.model.scatter @ weights
        if observation.image_size != self._image_size:
            self._image_size = observation.image_size
            self._aspect_ms = self._aspect_ms_of(observation.image_size)
        self.take_in(observation.content)
        return self._contention(weights)

    def take_in(self, content: ContentFeatures) -> None:
        """Predict all parts anew for other objects, contention as it was predicted."""
        self._base_ms[:-1] = self.model.base_ms(content, self._image_size, self._aspect_ms)
        self.typical_ms[:-1] = self._base_ms[:-1] * self._factor

    def worst_detections_ms(self) -> Vector:
        """``(D,)`` typical latencies under the contention that slows each down most."""
        detections = slice(self.model.setting_count)
        log_factor = self.model.log_slowdown[detections].max(axis=1) + self._bias.values[detections]
        return np.asarray(self._base_ms[detections] * np.exp(log_factor))

    def mean_ms(self) -> Vector:
        """``(P + 1,)`` means as predicted: of a log-normal latency above the typical value."""
        return np.asarray(self.typical_ms * np.exp(0.5 * self._scatter**2))

    def mean_factor(self, part: int) -> float:
        """Of a part, mean latency to typical latency."""
        return math.exp(0.5 * float(self._scatter[part]) ** 2)

    def typical_now_ms(self, part: int) -> float:
        """Of a part, by all that was observed since it was predicted, too."""
        if part == self._nothing:
            return 0.0
        factor = math.exp(self.believed(part) + float(self._bias.values[part]))
        return float(self._base_ms[part]) * factor

    def idle_detections_ms(self, image_size: tuple[int, int]) -> Vector:
        """``(D,)`` typical latencies on the idle machine, as measured, of images of that size."""
        extra_ms = self._aspect_ms_of(image_size)
        costs = self.model.base_ms(ContentFeatures(), image_size, extra_ms)
        return costs[: self.model.setting_count]

    def slowdown(self) -> float:
        """Log slowdown of detections by contention, over all settings, as believed now."""
        return float(self._told_of_states[:, 0] @ self._filter.weights(self._load))

    def believed(self, part: int) -> float:
        """Log slowdown of a part by contention, as believed now."""
        return float(self.model.log_slowdown[part] @ self._filter.weights(self._load))

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
        self._filter.observe(part, log_ratio, self._load)
        if batch_size > 1:
            self._bias.observe_batch(part, batch_size, log_ratio - self.believed(part))
        else:
            self.correct(part, part_ms)

    def correct(self, part: int, part_ms: float) -> None:
        """Learn the bias alone from a latency."""
        self._bias.observe(part, self._log_ratio(part, part_ms) - self.believed(part))

    def log_batch_ratio(self, part: int, batch_size: int) -> float:
        """Log ratio of an image's part of a batch to what it takes alone."""
        return self._bias.of_batch(part, batch_size)

    def _log_ratio(self, part: int, part_ms: float) -> float:
        """Log ratio of a latency to that of the idle machine, bias included."""
        return math.log(part_ms / float(self._base_ms[part])) - float(self._bias.values[part])

    def _contention(self, weights: Vector) -> ContentionState:
        log_slowdown, cpu, gpu = (weights @ self._told_of_states).tolist()
        source = "latency and load topics" if self._filter.uses_load(self._load) else "latency"
        if not self.model.is_profiled:
            cpu, gpu = self._load.cpu or 0.0, self._load.gpu or 0.0
        return ContentionState(cpu, gpu, math.exp(log_slowdown), source)

    def _aspect_ms_of(self, image_size: tuple[int, int]) -> Vector:
        if self._input_px is None or not all(image_size):
            return np.zeros(len(self._settings))
        width, height = (int(side) for side in self.model.profiled_size)
        now, then = (
            np.array([self._input_px(shape, size) for shape, _ in self._settings], np.float64)
            for size in (image_size, (width, height))
        )
        return (now / then - 1) * self._pixels_ms


def _pixels_ms(settings: Sequence[tuple[int, int | None]], costs_ms: Vector) -> Vector:
    """``(D,)`` of the costs of (shape, nprop), what goes with the pixels that the network sees.

    All but what proposals take: those are always as many, and settings of a shape that differ in
    their number tell what each takes.
    """
    shapes = np.array([shape for shape, _ in settings])
    proposals = np.array([nprop or 0 for _, nprop in settings], np.float64)
    pixels_ms = costs_ms.copy()
    for shape in np.unique(shapes):
        own = shapes == shape
        if np.ptp(proposals[own]) > 0:
            each_ms = max(np.polyfit(proposals[own], costs_ms[own], 1)[0], 0.0)
            pixels_ms[own] -= each_ms * proposals[own]
    return np.asarray(np.maximum(pixels_ms, 0.0))
