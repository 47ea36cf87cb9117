"""Detector or tracker, then association: one frame in, one result out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.association import Associator
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.clock import Clock, MonotonicClock
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.kernels.candidates import CLASS_AGNOSTIC_IOU, TRACKED_SCORE, candidates
from approx_perception.kernels.content_sensor import ContentSensor
from approx_perception.pipeline.stage_timer import StageTimer
from approx_perception.scheduling import Scheduler
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    Frame,
    FrameResult,
    LoadReading,
    Observation,
    StageTimings,
)
from approx_perception.trackers import Tracker, create_tracker

__all__ = ["FramePipeline", "FrameUnderWay", "create_trackers"]


#: Share of the objects that a tracker must lose in one frame for a group to end early: a cut, or a
#: jerk of the camera, after which the rest of the group would be worth nothing.
_LOST_AT_ONCE = 0.5


def create_trackers(space: BranchSpace) -> dict[TrackerSettings, Tracker]:
    """Build every tracker that a space names, so that a switch builds nothing."""
    return {settings: create_tracker(settings) for settings in space.trackers}


@dataclass(frozen=True, slots=True, eq=False)
class FrameUnderWay:
    """A frame that was decided upon and not processed yet; from `FramePipeline.begin`.

    Attributes
    ----------
    frame, sla, decision
        What is to be done with it, under which SLA.
    timer
        Of its stages.
    """

    frame: Frame
    sla: SLA
    decision: Decision
    timer: StageTimer

    @property
    def detector_settings(self) -> DetectorSettings | None:
        """What the detector is to be asked; None for a tracked frame."""
        branch = self.decision.branch
        return DetectorSettings(*branch.detector_settings) if self.decision.run_detector else None


class FramePipeline:
    """Process frames one after the other under a latency SLA.

    Not thread-safe, but `sla`, `score_threshold`, `class_agnostic_iou`, `class_mask` and the
    scheduler's policy may be replaced from another thread at any time; the next frame honours them.

    Parameters
    ----------
    detector
        All branches resident.
    trackers
        Those of the scheduler's space, from `create_trackers`.
    scheduler
        Decides the branch of each frame.
    sla
        In force from the first frame.
    score_threshold
        Weaker objects are followed (see `candidates`) and not returned, so that what is decided
        does not depend on it.
    class_agnostic_iou
        Of detections that overlap by more, whatever their classes, the best one is kept.
    associator
        Keeps identities.
    clock
        Where latencies come from.
    load
        Newest reading of load monitors, asked before each frame.
    """

    def __init__(
        self,
        detector: Detector,
        trackers: Mapping[TrackerSettings, Tracker],
        scheduler: Scheduler,
        sla: SLA,
        score_threshold: float = TRACKED_SCORE,
        class_agnostic_iou: float = CLASS_AGNOSTIC_IOU,
        associator: Associator | None = None,
        clock: Clock | None = None,
        load: Callable[[], LoadReading] = LoadReading,
    ) -> None:
        self.detector = detector
        self.scheduler = scheduler
        self.sla = sla
        self.score_threshold = score_threshold
        self.class_agnostic_iou = class_agnostic_iou
        #: ``(C,)`` bool: classes to keep; None for all.
        self.class_mask: npt.NDArray[np.bool_] | None = None
        self._trackers = trackers
        self._associator = associator or Associator()
        self._clock = clock or MonotonicClock()
        self._load = load
        self._content = ContentSensor()
        self._stream: tuple[str, tuple[int, int]] | None = None

    def process(self, frame: Frame) -> FrameResult:
        """Find the objects of a frame.

        Parameters
        ----------
        frame
            Newer than the one before, with a higher sequence number.

        Returns
        -------
        FrameResult
            Objects of at least `score_threshold` with identities, the decision and what each
            stage took.
        """
        return self.finish(self.begin(frame))

    def begin(self, frame: Frame) -> FrameUnderWay:
        """Decide what to do with a frame; `finish` must follow before the next one."""
        sla = self.sla
        timer = StageTimer(self._clock, frame.decode_ms)
        with timer.stage("schedule"):
            decision = self.scheduler.decide(self._observe(frame, sla))
        timer.pause()
        return FrameUnderWay(frame, sla, decision, timer)

    def finish(
        self, work: FrameUnderWay, found: Detections | None = None, batch_size: int = 1
    ) -> FrameResult:
        """Process what `begin` decided.

        Parameters
        ----------
        work
            From `begin`.
        found
            What the detector found, where it was asked for several cameras together and its time
            charged to the timer; None: ask it here.
        batch_size
            Of how many cameras, where it was.
        """
        frame, decision, timer = work.frame, work.decision, work.timer
        timer.resume()
        object_count = self._content.features.object_count
        try:
            if decision.run_detector:
                detections = self._detect(frame, decision, timer, found)
            else:
                detections = self._track(frame, decision, timer)
            with timer.stage("features"):
                self._see(frame, detections)
        except Exception as error:
            self.scheduler.fail(self._part_at_fault(decision, timer.latest), error)
            raise
        batch_size, timings = 1 if found is None else batch_size, timer.finish()
        result = FrameResult(
            frame.stamp_ns, frame.source_id, frame.sequence, detections, decision, work.sla,
            timings, batch_size, self._parts(decision, timings, batch_size),
            timings.detect_ms * (1 - 1 / batch_size), self._content.features,
            "" if decision.run_detector else _why_end(object_count, len(detections)),
        )  # fmt: skip
        self.scheduler.observe(result)
        return replace(result, output=detections.with_score(self.score_threshold))

    def _part_at_fault(self, decision: Decision, stage: str) -> int | None:
        """Part that a frame failed in; None where it was in none."""
        space, index = self.scheduler.space, self.scheduler.space.index(decision.branch)
        parts = space.compiled.parts_of(index, space.compiled.kinds.index(decision.kind))
        position = {"detect": 0, "initialize": 1, "track": 0}.get(stage)
        return None if position is None else parts[position]

    def _parts(
        self, decision: Decision, timings: StageTimings, batch_size: int
    ) -> tuple[tuple[int, float], ...]:
        """Parts that ran, and what each took of this image."""
        space = self.scheduler.space
        kind = 0 if decision.run_detector else 1
        positions = space.compiled.parts_of(space.index(decision.branch), kind)
        took_ms = (
            (timings.detect_ms / batch_size, timings.initialize_ms)
            if decision.run_detector
            else (timings.track_ms,)
        )
        return tuple(zip(positions, took_ms, strict=False))

    def reset(self) -> None:
        """Forget all objects: the next frame is detected, and identities start anew."""
        self.scheduler.abort_group()
        self._stream = None

    def _observe(self, frame: Frame, sla: SLA) -> Observation:
        image_size = frame.image.shape[1], frame.image.shape[0]
        stream = (frame.source_id, image_size)
        if stream != self._stream:
            # Boxes of another stream or resolution say nothing about this one.
            self._associator.reset()
            self._content.reset()
            self._stream = stream
        wanted = self.scheduler.wants_image_features(sla)
        self._content.see_image(frame.image if wanted else None)
        return Observation(sla, self._content.features, frame.source_id, image_size, self._load())

    def _see(self, frame: Frame, detections: Detections) -> None:
        speeds = self._associator.speeds_px_per_frame(detections)
        size = (frame.image.shape[1], frame.image.shape[0])
        self._content.see_objects(detections, speeds, size)

    def _detect(
        self, frame: Frame, decision: Decision, timer: StageTimer, found: Detections | None
    ) -> Detections:
        branch = decision.branch
        if found is None:
            with timer.stage("detect"):
                settings = DetectorSettings(*branch.detector_settings)
                policy = self.scheduler.policy
                self.detector.keeps_features = policy.wants_deep_features
                found = self._wanted(self.detector.detect(frame.image, settings))
                if policy.wants_deep_features:
                    policy.see_features(self.detector.deep_features, branch.shape)
        else:
            found = self._wanted(found)
        with timer.stage("associate"):
            detections = self._associator.associate(found, frame.sequence)
        if branch.tracker_settings is not None:
            with timer.stage("initialize"):
                self._trackers[branch.tracker_settings].initialize(frame.image, detections)
        return detections

    def _wanted(self, found: Detections) -> Detections:
        least_score = min(self.score_threshold, TRACKED_SCORE)
        return candidates(found, self.class_mask, self.class_agnostic_iou, least_score)

    def _track(self, frame: Frame, decision: Decision, timer: StageTimer) -> Detections:
        tracker = decision.branch.tracker_settings
        if tracker is None:
            raise AssertionError(f"branch {decision.branch} has no tracker but a tracked frame")
        with timer.stage("track"):
            update = self._trackers[tracker].update(frame.image)
        with timer.stage("associate"):
            return self._associator.follow(update, frame.sequence)


def _why_end(before: int, now: int) -> str:
    if now >= (1 - _LOST_AT_ONCE) * before:
        return ""
    return f"{before - now} of {before} objects were lost at once"
