"""ApproxDet's own latency predictor and contention sensor, as the baseline to beat.

After Xu et al., "ApproxDet: Content and Contention-Aware Approximate Object Detection for
Mobiles", SenSys 2020, sections 3 and 4, and its released code.

Deviations from the paper
[1] Its detector ran on a GPU, so its sensor told the GPU's contention from detections. Here the
    levels that it chooses from are those of the device that the detector runs on.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from approx_perception.branches import BranchSpace
from approx_perception.structures import ContentFeatures, FrameResult, Observation

__all__ = ["OriginalLatency", "OriginalModel", "detector_terms", "tracker_terms"]

Vector = npt.NDArray[np.float64]

#: Section 4: tracking latencies over which the sensor takes the mean.
_TRACKING_WINDOW = 10
#: Section 3: frames over which a switch is amortised.
_SWITCHING_WINDOW = 100


def _degree_two(columns: Vector) -> Vector:
    """Polynomial terms up to degree 2 of ``(..., F)`` columns."""
    first, second = np.triu_indices(columns.shape[-1])
    ones = np.ones((*columns.shape[:-1], 1))
    products = columns[..., first] * columns[..., second]
    return np.concatenate([ones, columns, products], axis=-1)


def detector_terms(height: Vector, width: Vector, cpu: Vector, gpu: Vector) -> Vector:
    """``(..., 15)``: image height and width in 1000 px, CPU and GPU contention."""
    return _degree_two(np.stack([height / 1e3, width / 1e3, cpu, gpu], axis=-1))


def tracker_terms(
    count: Vector, area_px2: Vector, width: Vector, height: Vector, contention: Vector
) -> Vector:
    """``(..., 36)``: objects, root of their summed areas, mean width and height in 100 px,
    contention of CPU, memory and GPU.
    """
    lengths = np.stack([np.sqrt(area_px2) / 100, width / 100, height / 100], axis=-1)
    return _degree_two(np.concatenate([count[..., None] / 10, lengths, contention], axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class OriginalModel:
    """Linear models on polynomial terms.

    Attributes
    ----------
    levels
        ``(L, 3)`` contention of CPU, memory and GPU that was profiled.
    detector
        ``(D, 15)`` weights on `detector_terms`, one row for each (shape, nprop).
    initialize, step
        ``(T, 36)`` weights on `tracker_terms`, one row for each tracker.
    switching_ms
        ``(D, D)``.
    """

    levels: Vector
    detector: Vector
    initialize: Vector
    step: Vector
    switching_ms: Vector


class OriginalLatency:
    """Predict as ApproxDet does: nearest profiled level, no learning.

    Parameters
    ----------
    space
        Branches to predict.
    model
        Of that space.
    """

    def __init__(self, space: BranchSpace, model: OriginalModel) -> None:
        self._space, self._model = space, model
        settings = {setting: i for i, setting in enumerate(space.detector_settings)}
        trackers = {tracker: i for i, tracker in enumerate(space.trackers)}
        self._settings, self._trackers = settings, trackers
        self._setting_of = np.array([settings[b.detector_settings] for b in space])
        # Branches without a tracker point behind the last one, which costs nothing.
        self._tracker_of = np.array(
            [trackers[b.tracker_settings] if b.tracker_settings else len(trackers) for b in space]
        )
        self._si = np.array([branch.si for branch in space], np.float64)
        self._objects = np.zeros(4)
        self._image_size = (0, 0)
        self._flush()

    def _flush(self) -> None:
        self._detector_level = self._tracker_level = 0
        self._tracking_ms: deque[float] = deque(maxlen=_TRACKING_WINDOW)
        self._branch: object = None

    def predict_ms(self, observation: Observation) -> Vector:
        """``(B,)`` mean latency of a frame over a group, switching included."""
        if observation.image_size != self._image_size:
            self._image_size = observation.image_size
            self._flush()
        content = observation.content
        if content.object_count:
            self._objects = self._object_features(content)
        model = self._model
        detection = self._detections_ms(model.levels[[self._detector_level]])[0]
        terms = self._tracker_terms(model.levels[self._tracker_level])
        initialize, step = (
            np.append(np.maximum(weights @ terms, 0.0), 0.0)
            for weights in (model.initialize, model.step)
        )
        si = self._si
        latency = detection[self._setting_of] + initialize[self._tracker_of]
        latency = latency / si + step[self._tracker_of] * (si - 1) / si
        if self._branch is not None:
            row = model.switching_ms[self._settings[self._branch.detector_settings]]  # type: ignore[attr-defined]
            latency = latency + row[self._setting_of] / _SWITCHING_WINDOW
        return np.asarray(latency)

    def observe(self, result: FrameResult) -> None:
        """Sense contention from a frame; see the paper's section 4."""
        branch = result.decision.branch
        if branch.detector_settings not in self._settings or not result.parts:
            return
        if branch != self._branch:
            self._flush()
            self._branch = branch
        _, main_ms = result.parts[0]
        if result.decision.starts_group:
            setting = self._settings[branch.detector_settings]
            by_level = self._detections_ms(self._model.levels)[:, setting]
            self._detector_level = int(np.abs(by_level - main_ms).argmin())
            if not self._tracking_ms:
                self._tracker_level = self._detector_level
        elif branch.tracker_settings in self._trackers:
            self._tracking_ms.append(main_ms)
            weights = self._model.step[self._trackers[branch.tracker_settings]]
            by_level = np.array([weights @ self._tracker_terms(x) for x in self._model.levels])
            mean_ms = float(np.mean(self._tracking_ms))
            self._tracker_level = int(np.abs(by_level - mean_ms).argmin())

    def _object_features(self, content: ContentFeatures) -> Vector:
        """As `fit_original` takes them of the records; squares where no sides are known."""
        sides = np.array([content.mean_width_px, content.mean_height_px])
        side = np.sqrt(content.total_area_px2 / content.object_count)
        sides = np.where(np.isfinite(sides), sides, side)
        return np.array([content.object_count, content.total_area_px2, *sides])

    def _detections_ms(self, levels: Vector) -> Vector:
        """``(L, D)``."""
        width, height = self._image_size
        ones = np.ones(len(levels))
        terms = detector_terms(height * ones, width * ones, levels[:, 0], levels[:, 2])
        return np.maximum(terms @ self._model.detector.T, 0.0)

    def _tracker_terms(self, level: Vector) -> Vector:
        # Each as an array of no dimension.
        count, area, width, height = (self._objects[i, ...] for i in range(4))
        return tracker_terms(count, area, width, height, level)
