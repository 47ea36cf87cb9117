"""Run the real pipeline against recorded latencies: the same frames, the same contention, no noise.

Detections were saved and latencies recorded beforehand; trackers, association, features and
scheduler are the real ones. Time is a fake clock that each stage advances by what the trace says.
Two schedulers can so be compared on exactly the same machine, and fixed branches and an oracle be
computed where running all of them would take days.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.clock import FakeClock
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.files import Columns
from approx_perception.kernels.candidates import CLASS_AGNOSTIC_IOU, TRACKED_SCORE
from approx_perception.kernels.detection import DetectionKernel, DetectionOptions
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.fit import fit_latency, part_residuals
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.metrics.average_precision import FrameMatch, match_frame
from approx_perception.pipeline import Stream
from approx_perception.scheduling import Scheduler
from approx_perception.structures import (
    SLA,
    ContentFeatures,
    Detections,
    Frame,
    FrameResult,
    LoadReading,
)
from approx_perception.trackers import Tracker, TrackerUpdate

__all__ = [
    "LatencyTrace",
    "SimulatedMachine",
    "SimulatedPipeline",
    "SimulatedWorld",
    "branch_latency_ms",
    "simulate",
]

Vector = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


class LatencyTrace:
    """Recorded latencies of all parts at several levels of contention, to be drawn from.

    Parameters
    ----------
    columns
        Of records, at levels 0, 1 ..., in order of time.
    load
        ``(L, 2)`` readings of CPU and GPU share of others at each level.
    space
        Whose parts they are.
    image_size
        Width and height in px of the images.
    """

    def __init__(
        self, columns: Columns, load: Vector, space: BranchSpace, image_size: tuple[int, int]
    ) -> None:
        self.image_size = image_size
        self.load = load
        self._terms = DetectionCosts(space)
        self._models: list[LatencyModel] = []
        #: Of each level and part, log residuals in order of time.
        self._residuals: list[list[Vector]] = []
        for level in range(len(load)):
            rows = columns["level"] == level
            own = {name: column[rows] for name, column in columns.items()}
            own["level"] = np.zeros(int(rows.sum()))
            model = fit_latency(own, np.full((1, 2), np.nan), space.compiled, self._terms)
            self._models.append(model)
            self._residuals.append(part_residuals(own, model, space.compiled, self._terms))

    @property
    def level_count(self) -> int:
        """L."""
        return len(self._models)

    def typical_ms(self, level: int, content: ContentFeatures) -> Vector:
        """``(P,)`` typical latencies of all parts."""
        size = self.image_size
        return self._models[level].base_ms(self._terms(content, size, size))

    def residuals(self, level: int, part: int) -> Vector:
        """Log residuals of a part, in order of time."""
        return self._residuals[level][part]


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMachine:
    """A machine with a schedule of contention, whose latencies come from a trace.

    Attributes
    ----------
    trace
        What things cost.
    space
        Of the branches.
    levels
        ``(N,)`` level of contention while each frame is processed; the last one goes on.
    overhead_ms
        What a frame costs beside detector and tracker.
    load_delay_frames
        Frames after which a load monitor tells.
    seed
        Where in the trace each part begins.
    """

    trace: LatencyTrace
    space: BranchSpace
    levels: npt.NDArray[np.int64]
    overhead_ms: float = 1.0
    load_delay_frames: int = 6
    seed: int = 0

    def level(self, frame: int) -> int:
        """Contention while a frame is processed."""
        return int(self.levels[min(frame, len(self.levels) - 1)])

    def draw_ms(self, frame: int, part: int, content: ContentFeatures) -> float:
        """Latency of a part in a frame: the same whoever asks, and however often."""
        level = self.level(frame)
        typical = float(self.trace.typical_ms(level, content)[part])
        residuals = self.trace.residuals(level, part)
        if not len(residuals) or typical <= 0:
            return typical
        offset = 7919 * self.seed + 131 * level + 17 * part
        return typical * float(np.exp(residuals[(offset + frame) % len(residuals)]))

    def reading(self, frame: int) -> LoadReading:
        """What a load monitor says while a frame is processed."""
        cpu, gpu = self.trace.load[self.level(max(frame - self.load_delay_frames, 0))]
        return LoadReading(*(None if np.isnan(share) else float(share) for share in (cpu, gpu)))


class _Stage:
    """The frame under way, and the clock."""

    def __init__(self, machine: SimulatedMachine) -> None:
        self.machine, self.clock, self.frame = machine, FakeClock(), -1

    def spend(self, part: int, objects: Detections) -> None:
        content = ContentFeatures.of_objects(objects)
        self.clock.advance_ms(self.machine.draw_ms(self.frame, part, content))


class _TimedDetector(Detector):
    """Detects as another one does, in the time that the trace says."""

    def __init__(
        self,
        detect: Callable[[Image, DetectorSettings, int], Detections],
        stage: _Stage,
        names: tuple[str, ...],
        inner: Detector | None,
    ) -> None:
        self._find, self._stage, self._inner = detect, stage, inner
        space = stage.machine.space
        self.class_names = names
        self.description = "on recorded latencies"
        self.uses_proposals = bool(space.nprops)
        self._parts = {setting: index for index, setting in enumerate(space.detector_settings)}

    def _detect(self, image: Image, settings: DetectorSettings) -> Detections:
        part = self._parts[settings.shape, settings.nprop]
        self._stage.spend(part, Detections.empty())
        if self._inner is None:
            return self._find(image, settings, self._stage.frame)
        self._inner.keeps_features = self.keeps_features
        found = self._find(image, settings, self._stage.frame)
        self.deep_features = self._inner.deep_features
        return found


class _TimedTracker(Tracker):
    """A real tracker that takes the time that the trace says."""

    def __init__(self, tracker: Tracker, stage: _Stage, initialize: int, step: int) -> None:
        self._tracker, self._stage = tracker, stage
        self._parts = initialize, step
        self._objects = Detections.empty()

    def initialize(self, image: Image, detections: Detections) -> None:
        self._objects = detections
        if len(detections):
            self._stage.spend(self._parts[0], detections)
        self._tracker.initialize(image, detections)

    def update(self, image: Image) -> TrackerUpdate:
        if len(self._objects):
            self._stage.spend(self._parts[1], self._objects)
        return self._tracker.update(image)

    def _start(self, image: Image, boxes: object) -> None:
        raise NotImplementedError

    def _move(self, image: Image) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        raise NotImplementedError


class _TimedKernel(DetectionKernel):
    """Detection in the time that the trace says."""

    def __init__(self, detector: Detector, stage: _Stage) -> None:
        super().__init__(detector, stage.machine.space)
        self._stage = stage

    def trackers(self) -> dict[TrackerSettings, Tracker]:
        """Build trackers, timed."""
        first, count = len(self.space.detector_settings), len(self.space.trackers)
        return {
            settings: _TimedTracker(tracker, self._stage, first + index, first + count + index)
            for index, (settings, tracker) in enumerate(super().trackers().items())
        }


class SimulatedPipeline:
    """The real pipeline on a simulated machine.

    Parameters
    ----------
    machine
        What things cost.
    detect
        From image, settings and number of the frame to detections, in whatever time.
    class_names
        Of the detections.
    scheduler
        Decides; fresh, for it learns.
    sla
        In force from the first frame; may be replaced.
    score_threshold
        Weaker objects are not returned.
    class_agnostic_iou
        See `DetectionOptions`.
    hears_load
        Whether a load monitor speaks.
    inner
        The detector that ``detect`` asks, for its deep features; None where detections are saved.
    """

    def __init__(
        self,
        machine: SimulatedMachine,
        detect: Callable[[Image, DetectorSettings, int], Detections],
        class_names: tuple[str, ...],
        scheduler: Scheduler,
        sla: SLA,
        score_threshold: float = TRACKED_SCORE,
        class_agnostic_iou: float = CLASS_AGNOSTIC_IOU,
        hears_load: bool = True,
        inner: Detector | None = None,
    ) -> None:
        self.sla = sla
        self._overhead_ms = machine.overhead_ms
        self._stage = stage = _Stage(machine)
        self._pipeline = Stream(
            _TimedKernel(_TimedDetector(detect, stage, class_names, inner), stage), scheduler,
            sla, stage.clock,
            lambda: machine.reading(stage.frame) if hears_load else LoadReading(),
        )  # fmt: skip
        self._pipeline.state.options = DetectionOptions(score_threshold, class_agnostic_iou)

    def process(self, frame: Frame) -> FrameResult:
        """See `Stream.process`; the machine is as it is at the frame's number."""
        self._stage.frame = frame.sequence
        self._pipeline.sla = self.sla
        return self._pipeline.process(replace(frame, decode_ms=self._overhead_ms))


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedWorld:
    """Frames with what every setting detects in them, and a machine.

    Attributes
    ----------
    frames
        Held in memory.
    saved
        Detections of each frame at each of the space's `detector_settings`.
    machine
        What things cost.
    class_map
        From the classes of the detections to those of the ground truth.
    """

    frames: Sequence[LabelledFrame]
    saved: Sequence[Sequence[Detections]]
    machine: SimulatedMachine
    class_map: ClassMap

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the detections."""
        return self.class_map.detector_names

    @property
    def truth_names(self) -> tuple[str, ...]:
        """Of the ground truth."""
        return self.class_map.truth_names

    @property
    def space(self) -> BranchSpace:
        """Of the branches."""
        return self.machine.space

    def detect(self, _: Image, settings: DetectorSettings, frame: int) -> Detections:
        """Return what was saved."""
        position = self.space.detector_settings.index((settings.shape, settings.nprop))
        return self.saved[position][frame]

    def match(self, frame: int, found: Detections) -> FrameMatch:
        """Compare what was published for a frame with its truth."""
        truth = self.frames[frame].ground_truth
        if truth is None:
            raise AssertionError("a simulated world has ground truth")
        return match_frame(self.class_map.apply(found), truth)


def simulate(
    world: SimulatedWorld,
    scheduler: Scheduler,
    slas: Sequence[SLA],
    hears_load: bool = True,
) -> list[FrameResult]:
    """Process all frames of a world, each under its SLA.

    Parameters
    ----------
    world
        Frames and machine.
    scheduler
        Decides; fresh, for it learns.
    slas
        Of each frame.
    hears_load
        Whether a load monitor speaks.
    """
    pipeline = SimulatedPipeline(
        world.machine, world.detect, world.class_names, scheduler, slas[0], hears_load=hears_load
    )
    results = []
    for index, entry in enumerate(world.frames):
        pipeline.sla = slas[index]
        frame = replace(entry.frame, sequence=index, source_id="simulation")
        results.append(pipeline.process(frame))
    return results


def branch_latency_ms(
    machine: SimulatedMachine, branch: Branch, saved: Sequence[Detections]
) -> Vector:
    """``(N,)`` latency of every frame if that branch ran all the time."""
    space = machine.space
    first, count = len(space.detector_settings), len(space.trackers)
    setting = space.detector_settings.index(branch.detector_settings)
    latencies, objects = np.zeros(len(saved)), Detections.empty()
    for frame in range(len(saved)):
        parts = [setting] if frame % branch.si == 0 else []
        if branch.tracker_settings is not None:
            tracker = space.trackers.index(branch.tracker_settings)
            parts.append(first + tracker + (0 if parts else count))
        if frame % branch.si == 0:
            objects = saved[frame]
        content = ContentFeatures.of_objects(objects)
        latencies[frame] = sum(machine.draw_ms(frame, part, content) for part in parts)
    return latencies + machine.overhead_ms
