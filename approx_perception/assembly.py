"""From a user's options to a pipeline that is warm and measured: one way for nodes and commands."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings, parse_branch
from approx_perception.clock import Clock, MonotonicClock
from approx_perception.detectors import Detector, DetectorOptions, DetectorSettings, load_detector
from approx_perception.exceptions import ConfigurationError, choices
from approx_perception.pipeline.frame_pipeline import FramePipeline, create_trackers
from approx_perception.predictors import AccuracyTable, MeasuredLatency, accuracy_of_space
from approx_perception.profiling import measure_latency
from approx_perception.scheduling import Scheduler, create_policy
from approx_perception.share import share_folder
from approx_perception.structures import SLA
from approx_perception.trackers import Tracker

__all__ = ["Kernel", "KernelOptions", "assemble", "load_space", "space_names"]


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """What a user may choose at start.

    Attributes
    ----------
    detector, weights, class_names_file, device
        The network; see `DetectorOptions`.
    precision
        ``auto`` (the faster one on this machine), ``float32`` or ``bfloat16``.
    num_threads
        CPU threads of one inference; 0 for one less than the cores, at least one.
    space
        A YAML file, the name of a shipped space, or empty for the detector's own.
    policy
        A name of `POLICY_NAMES`.
    branch
        For the policy ``fixed``, as ``shape=416,si=4``; knobs not named at their defaults.
    only_branch
        Whether to leave the space and keep just that branch, which need not be in it.
    sla
        In force from the first frame.
    score_threshold
        Weaker detections are dropped.
    image_size
        Width and height in px of the images to expect.
    """

    detector: str = "faster_rcnn"
    weights: str = ""
    class_names_file: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    num_threads: int = 0
    space: str = ""
    policy: str = "most_accurate"
    branch: str = ""
    only_branch: bool = False
    sla: SLA = field(default_factory=lambda: SLA(100.0))
    score_threshold: float = 0.05
    image_size: tuple[int, int] = (640, 480)


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """All that runs, warm.

    Attributes
    ----------
    pipeline
        Processes frames.
    detector
        The network, for its class names.
    space
        Branches to choose from.
    branch
        What ``fixed`` means.
    latency
        What was measured.
    accuracy
        ``(B,)`` AP50 of the branches, or ranks below 0; see `accuracy_of_space`.
    """

    pipeline: FramePipeline
    detector: Detector
    space: BranchSpace
    branch: Branch
    latency: MeasuredLatency
    accuracy: npt.NDArray[np.float64]


def space_names() -> tuple[str, ...]:
    """Names of the shipped spaces."""
    return tuple(sorted(path.stem for path in (share_folder("config") / "spaces").glob("*.yaml")))


def load_space(name: str, detector: str) -> BranchSpace:
    """Read a space by name or file; empty means the detector's own.

    Raises
    ------
    ConfigurationError
        If there is no such space, or it is not valid.
    """
    name = name or detector
    if name in space_names():
        return BranchSpace.from_yaml(share_folder("config") / "spaces" / f"{name}.yaml")
    path = Path(name)
    if not path.is_file():
        raise ConfigurationError(
            f"there is no branch space {name!r}; give a YAML file or {choices(space_names())}"
        )
    return BranchSpace.from_yaml(path)


def _accuracy_table(detector: Detector) -> AccuracyTable | None:
    """Table beside the weights, ``<name>.accuracy.json``, if there is one."""
    if detector.weights_path is None:
        return None
    path = detector.weights_path.with_suffix(".accuracy.json")
    return AccuracyTable.from_json(path) if path.is_file() else None


def _check_space(space: BranchSpace, detector: Detector) -> dict[TrackerSettings, Tracker]:
    """Refuse settings that cannot run, before anything slow is done."""
    for shape, nprop in space.detector_settings:
        detector.check_settings(DetectorSettings(shape, nprop))
    return create_trackers(space)


def assemble(
    options: KernelOptions,
    clock: Clock | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Kernel:
    """Load the network, preheat and measure every branch, and put the pipeline together.

    Parameters
    ----------
    options
        What the user chose.
    clock
        Where latencies come from.
    report
        Called with a line on what is being done.

    Raises
    ------
    ConfigurationError
        If an option cannot be used.
    WeightsError
        If the network cannot be loaded.
    """
    clock = clock or MonotonicClock()
    space = load_space(options.space, options.detector)
    branch = parse_branch(options.branch, space.default_branch)
    policy = create_policy(options.policy, branch)
    if options.only_branch:
        space = space.with_branch(branch)
    elif options.policy == "fixed":
        space.index(branch)
    # With all cores taken, an inference waits for whichever of them does something else.
    num_threads = options.num_threads or max((os.cpu_count() or 1) - 1, 1)
    report(f"loading {options.detector}")
    detector = load_detector(
        options.detector,
        DetectorOptions(
            options.weights,
            options.class_names_file,
            options.device,
            num_threads,
            options.precision,
        ),
    )
    trackers = _check_space(space, detector)
    measurements = measure_latency(detector, trackers, space, options.image_size, clock, report)
    latency = MeasuredLatency(space, measurements)
    accuracy = accuracy_of_space(space, _accuracy_table(detector))
    scheduler = Scheduler(space, policy, latency, accuracy)
    pipeline = FramePipeline(
        detector, trackers, scheduler, options.sla, options.score_threshold, clock=clock
    )
    return Kernel(pipeline, detector, space, branch, latency, accuracy)
