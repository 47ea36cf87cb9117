"""Detection and tracking: a detector on some frames, a tracker on those between, identities."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.association import Associator, Forecast
from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.exceptions import counted
from approx_perception.kernels._base import (
    Batch,
    Kernel,
    KernelOutput,
    KernelState,
    Replay,
    RunsBeside,
    Trial,
)
from approx_perception.kernels.candidates import CLASS_AGNOSTIC_IOU, TRACKED_SCORE, candidates
from approx_perception.kernels.carried_objects import CarriedObjects
from approx_perception.kernels.content_sensor import ContentSensor
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.kernels.detection_replay import replays
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.structures import ContentFeatures, Decision, Detections, Frame
from approx_perception.trackers import Tracker, create_tracker

__all__ = ["DetectionKernel", "DetectionOptions", "DetectionState"]

Image = npt.NDArray[np.uint8]

#: Share of the objects that a tracker must lose in one frame for a group to end early: a cut, or a
#: jerk of the camera, after which the rest of the group would be worth nothing.
_LOST_AT_ONCE = 0.5
#: Number of objects and their side as a share of the image's short side, apart from each other, or
#: a fit could not tell what each costs.
_TRIED_OBJECTS = ((1, 0.25), (6, 0.4), (6, 0.12), (20, 0.25), (20, 0.12))


@dataclass(frozen=True, slots=True, eq=False)
class DetectionOptions:
    """What is made of detections; may be replaced between two frames.

    Attributes
    ----------
    score_threshold
        Weaker objects are followed (see `candidates`) and not published, so that what is decided
        does not depend on it.
    class_agnostic_iou
        Of detections that overlap by more, whatever their classes, the best one is kept.
    class_mask
        ``(C,)`` bool: classes to keep; None for all.
    forecast_ms
        How long after publishing a forecast is wanted for; None for no forecast.
    """

    score_threshold: float = TRACKED_SCORE
    class_agnostic_iou: float = CLASS_AGNOSTIC_IOU
    class_mask: npt.NDArray[np.bool_] | None = None
    forecast_ms: float | None = None

    def wanted(self, found: Detections) -> Detections:
        """Detections to follow."""
        least_score = min(self.score_threshold, TRACKED_SCORE)
        return candidates(found, self.class_mask, self.class_agnostic_iou, least_score)


class DetectionKernel(Kernel):
    """See `Kernel`.

    Parameters
    ----------
    detector
        Finds.
    space
        Of settings that the detector accepts.

    Raises
    ------
    ConfigurationError
        If it does not accept one.
    """

    space: BranchSpace

    def __init__(self, detector: Detector, space: BranchSpace) -> None:
        for setting in space.detector_settings:
            detector.check_settings(DetectorSettings(*setting))
        self.detector, self.space = detector, space
        self.class_names, self.description = detector.class_names, detector.description
        self.caution = detector.caution
        self.cost_terms = DetectionCosts(space, detector.input_px)
        self._settings = space.detector_settings
        self.batched_parts = tuple(range(len(self._settings)))

    @property
    def fingerprint(self) -> str:
        """See `Kernel`; reads the file of the weights."""
        return self.detector.fingerprint

    @property
    def malformed_count(self) -> int:
        """See `Kernel`."""
        return self.detector.malformed_count

    def state(self) -> "DetectionState":
        """See `Kernel`."""
        return DetectionState(self)

    def trackers(self) -> dict[TrackerSettings, Tracker]:
        """Build every tracker that the space names."""
        return {settings: create_tracker(settings) for settings in self.space.trackers}

    def run_together(self, frames: Sequence[tuple[Any, Frame]], part: int) -> list[Any]:
        """See `Kernel`."""
        images = [frame.image for _, frame in frames]
        return self.detector.detect_together(images, DetectorSettings(*self._settings[part]))

    def trials(self, images: Sequence[Image], seed: int = 0) -> Iterator[Trial]:
        """See `Kernel`; objects are made up, for what a tracker follows matters little."""
        size = images[0].shape[1], images[0].shape[0]
        for part, setting in enumerate(self._settings):
            knobs = DetectorSettings(*setting)
            for image in images:
                yield Trial(
                    part, size, ContentFeatures(), partial(self.detector.detect, image, knobs),
                    partial(self.detector.prepare, image, knobs),
                )  # fmt: skip
        count = len(self.space.trackers)
        for index, tracker in enumerate(self.trackers().values()):
            start = len(self._settings) + index
            for objects in _made_up_objects(size, seed):
                yield from _tracker_trials(tracker, (start, start + count), images, objects)


def _tracker_trials(
    tracker: Tracker, parts: tuple[int, int], images: Sequence[Image], objects: Detections
) -> Iterator[Trial]:
    """Start and step; every step is a first one, as boxes must stay real."""
    size, content = (images[0].shape[1], images[0].shape[0]), ContentFeatures.of_objects(objects)
    for before, after in pairwise(images):

        def start(image: Image = before) -> None:
            tracker.initialize(image, objects)

        def step(image: Image = after) -> None:
            tracker.update(image)

        yield Trial(parts[0], size, content, start)
        yield Trial(parts[1], size, content, step, prepare=start)


def _made_up_objects(size: tuple[int, int], seed: int) -> Iterator[Detections]:
    rng, limit = np.random.default_rng(seed), np.array(size, np.float64)
    for count, share in _TRIED_OBJECTS:
        side = max(share * min(size), 1.0)
        corner = rng.uniform(0, np.maximum(limit - side, 0), (count, 2))
        boxes = np.concatenate([corner, corner + side], axis=1)
        yield Detections.from_arrays(boxes, np.ones(count), np.zeros(count, np.int64))


class DetectionState(KernelState, RunsBeside):
    """See `KernelState` and `RunsBeside`.

    Parameters
    ----------
    kernel
        Whose frames these are.
    """

    def __init__(self, kernel: DetectionKernel) -> None:
        #: Replaced, never changed, from any thread; the next frame honours it.
        self.options = DetectionOptions()
        self._detector, self._space = kernel.detector, kernel.space
        self._trackers: Mapping[TrackerSettings, Tracker] = kernel.trackers()
        self._associator, self._content = Associator(), ContentSensor()
        self._carried = CarriedObjects(self._space, self._trackers, self._associator)

    def reset(self) -> None:
        """See `KernelState`."""
        self._carried.forget()
        self._associator.reset()
        self._content.reset()

    def sense(self, frame: Frame) -> ContentFeatures:
        """See `KernelState`."""
        return self._content.features

    def run(
        self, frame: Frame, decision: Decision, timer: StageTimer, batch: Batch | None = None
    ) -> KernelOutput:
        """See `KernelState`."""
        before, branch = self._content.features.object_count, decision.branch
        parts = self._space.parts_of(branch, decision.kind)
        if decision.kind == self._space.compiled.kinds[0]:
            objects, why_end = self._detect(frame, branch, parts, timer, batch), ""
        else:
            objects = self._track(frame, branch, parts, timer)
            why_end = _lost_at_once(before, len(objects))
        return self._output(frame, objects, timer, why_end)

    def find(self, frame: Frame, branch: Branch) -> Detections:
        """See `RunsBeside`."""
        settings = DetectorSettings(*branch.detector_settings)
        return self.options.wanted(self._detector.detect(frame.image, settings))

    def carry(self, frame: Frame, branch: Branch, timer: StageTimer) -> KernelOutput:
        """See `RunsBeside`."""
        before = self._content.features.object_count
        objects = self._carried.carry(frame, _tracker_of(branch), timer)
        if objects is None:
            nothing = Detections.empty()
            return KernelOutput(
                nothing, self._content.features, forecast=self._forecast(frame, nothing)
            )
        return self._output(frame, objects, timer, _lost_at_once(before, len(objects)))

    def bring_forward(
        self, found: Detections, frames: Sequence[Frame], branch: Branch, timer: StageTimer
    ) -> KernelOutput:
        """See `RunsBeside`."""
        objects = self._carried.bring_forward(found, frames, _tracker_of(branch), timer)
        return self._output(frames[-1], objects, timer)

    def _output(
        self, frame: Frame, objects: Detections, timer: StageTimer, why_end: str = ""
    ) -> KernelOutput:
        with timer.stage("features"):
            speeds = self._associator.speeds_px_per_frame(objects)
            size = (frame.image.shape[1], frame.image.shape[0])
            self._content.see_objects(objects, speeds, size)
        published = objects.with_score(self.options.score_threshold)
        forecast = self._forecast(frame, published)
        return KernelOutput(published, self._content.features, why_end, forecast)

    def _forecast(self, frame: Frame, published: Detections) -> Forecast | None:
        horizon_ms = self.options.forecast_ms
        if horizon_ms is None:
            return None
        size = frame.image.shape[1], frame.image.shape[0]
        return self._associator.forecast(published, size, horizon_ms)

    def replays(self, frames: Sequence[Frame]) -> Iterator[Callable[[], Replay]]:
        """See `KernelState`: detections are shared by all that follows them."""
        return replays(self._detector, self._space, frames, self.options.wanted)

    def _detect(
        self, frame: Frame, branch: Branch, parts: Sequence[int], timer: StageTimer,
        batch: Batch | None,
    ) -> Detections:  # fmt: skip
        if batch is None:
            with timer.part(parts[0], "detect"):
                found = self.find(frame, branch)
        else:
            timer.charge(parts[0], "detect", batch.ms, batch.size)
            found = self.options.wanted(batch.found)
        with timer.stage("associate"):
            objects = self._associator.associate(found, frame.stamp_ns, frame.sequence)
        if branch.tracker_settings is not None:
            with timer.part(parts[1], "initialize"):
                self._trackers[branch.tracker_settings].initialize(frame.image, objects)
        self._carried.detected(frame, objects, branch.tracker_settings)
        return objects

    def _track(
        self, frame: Frame, branch: Branch, parts: Sequence[int], timer: StageTimer
    ) -> Detections:
        with timer.part(parts[0], "track"):
            update = self._trackers[_tracker_of(branch)].update(frame.image)
        with timer.stage("associate"):
            return self._associator.follow(update, frame.stamp_ns, frame.sequence)


def _tracker_of(branch: Branch) -> TrackerSettings:
    if branch.tracker_settings is None:
        raise AssertionError(f"branch {branch} has no tracker but a tracked frame")
    return branch.tracker_settings


def _lost_at_once(before: int, now: int) -> str:
    if now >= (1 - _LOST_AT_ONCE) * before:
        return ""
    return f"{before - now} of {counted(before, 'object')} were lost at once"
