"""Time detections and tracker calls one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.files import Columns
from approx_perception.latency.records import LATENCY_COLUMNS
from approx_perception.structures import Detections
from approx_perception.structures.boxes import areas_px2
from approx_perception.trackers import Tracker

__all__ = [
    "LatencyRows",
    "PartTimer",
    "Scene",
    "objects_of",
]


Image = npt.NDArray[np.uint8]

_CONTENT = ("object_count", "total_area_px2", "mean_width_px", "mean_height_px")
_COLUMNS = (*LATENCY_COLUMNS, *_CONTENT)

#: How far aside an object comes again, in sides.
_ASIDE = 0.4
_LEAST_SIDE_PX = 12.0
#: Runs of a setting until it is warm.
_PREHEATS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Successive images of one size, and the objects of the first."""

    images: Sequence[Image]
    objects: Detections


def objects_of(scene: Scene, count: int, scale: float) -> Detections:
    """``count`` objects of a scene, their sides times ``scale``.

    Where the scene has fewer, the same ones come again a little aside. Number and size must vary
    apart from each other, or a fit could not tell what each costs.
    """
    height, width = scene.images[0].shape[:2]
    known = max(len(scene.objects), 1)
    objects = scene.objects.select(np.arange(count) % known)
    centres = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2
    sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
    again = np.arange(count)[:, None] >= known
    aside = np.random.default_rng(0).uniform(-_ASIDE, _ASIDE, (count, 2))
    centres = centres + np.where(again, aside, 0.0) * sides
    limit = np.array([width, height], np.float64)
    sides = np.clip(sides * scale, _LEAST_SIDE_PX, limit)
    centres = np.clip(centres, sides / 2, limit - sides / 2)
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
    return replace(objects, boxes=boxes.astype(np.float32))


@dataclass(slots=True)
class LatencyRows:
    """Rows of `LATENCY_COLUMNS` and of what trackers cost by, as they come."""

    rows: list[tuple[float, ...]] = field(default_factory=list)

    def columns(self) -> Columns:
        """Rows so far, by column."""
        table = np.array(self.rows, np.float64).reshape(-1, len(_COLUMNS))
        return dict(zip(_COLUMNS, table.T, strict=True))


class PartTimer:
    """Run parts of a space and write down what each call took.

    Parameters
    ----------
    detector, trackers, space
        What is measured; all resident.
    clock
        Times them.
    rows
        Gets a row for each call.
    """

    def __init__(
        self,
        detector: Detector,
        trackers: Mapping[TrackerSettings, Tracker],
        space: BranchSpace,
        clock: Clock,
        rows: LatencyRows,
    ) -> None:
        self._detector, self._space, self._clock, self.rows = detector, space, clock, rows
        self._trackers = [trackers[settings] for settings in space.trackers]
        #: Written into every row.
        self.level = 0
        self.round = 0

    def preheat(self, scene: Scene, report: Callable[[str], None] = lambda _: None) -> None:
        """Run every setting and tracker; the first runs of a network are many times slower."""
        for settings in self._space.detector_settings:
            report(f"preheating detector {settings[0]} {settings[1] or ''}".strip())
            for index in range(_PREHEATS):
                image = scene.images[index % len(scene.images)]
                self._detector.detect(image, DetectorSettings(*settings))
        report("preheating trackers")
        for tracker in self._trackers:
            tracker.initialize(scene.images[0], scene.objects)
            tracker.update(scene.images[1])

    def detections(self, part: int, scene: Scene, count: int) -> None:
        """Time one setting, after one call that does not count."""
        settings = DetectorSettings(*self._space.detector_settings[part])
        self._detector.detect(scene.images[0], settings)
        for index in range(count):
            image = scene.images[index % len(scene.images)]
            ms = self._elapsed_ms(lambda image=image: self._detector.detect(image, settings))  # type: ignore[misc]
            self._write(part, -1, image, Detections.empty(), ms)

    def all_settings_ms(self, scene: Scene) -> float:
        """Time all settings on one image, as they are replayed: they share what they can."""
        settings = [DetectorSettings(*each) for each in self._space.detector_settings]
        image = scene.images[0]
        self._detector.detect_each(image, settings)
        return self._elapsed_ms(lambda: self._detector.detect_each(image, settings))

    def switches(self, order: Sequence[int], scene: Scene) -> None:
        """Time settings in an order; each call is a first one after the setting before it."""
        settings = [DetectorSettings(*s) for s in self._space.detector_settings]
        before = order[-1]
        for step, part in enumerate(order):
            image = scene.images[step % len(scene.images)]
            knobs = settings[part]
            ms = self._elapsed_ms(lambda i=image, k=knobs: self._detector.detect(i, k))  # type: ignore[misc]
            if step:
                self._write(part, before, image, Detections.empty(), ms)
            before = part

    def tracking(self, part: int, scene: Scene, objects: Detections, count: int) -> None:
        """Time a tracker; every step is a first one, as boxes must stay real."""
        tracker = self._trackers[part]
        for index in range(count + 1):
            first = scene.images[index % (len(scene.images) - 1)]
            second = scene.images[index % (len(scene.images) - 1) + 1]
            initialize_ms = self._elapsed_ms(lambda i=first: tracker.initialize(i, objects))  # type: ignore[misc]
            step_ms = self._elapsed_ms(lambda i=second: tracker.update(i))  # type: ignore[misc]
            if index:
                start = len(self._space.detector_settings) + part
                self._write(start, -1, first, objects, initialize_ms)
                self._write(start + len(self._trackers), -1, first, objects, step_ms)

    def _elapsed_ms(self, action: Callable[[], object]) -> float:
        start_ns = self._clock.monotonic_ns()
        action()
        return (self._clock.monotonic_ns() - start_ns) / 1e6

    def _write(self, part: int, before: int, image: Image, objects: Detections, ms: float) -> None:
        sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
        width, height = sides.mean(axis=0) if len(objects) else (0.0, 0.0)
        self.rows.rows.append(
            (part, before, self.level, self.round, image.shape[1], image.shape[0], ms,
             len(objects), float(areas_px2(objects.boxes).sum()), float(width), float(height))
        )  # fmt: skip
