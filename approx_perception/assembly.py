"""From a user's options to a pipeline that is warm and measured: one way for nodes and commands."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.branches import Branch, BranchSpace, TrackerSettings, parse_branch
from approx_perception.clock import Clock, MonotonicClock
from approx_perception.detectors import Detector, DetectorOptions, DetectorSettings, load_detector
from approx_perception.exceptions import ConfigurationError, choices
from approx_perception.machine import core_count, describe_cpu
from approx_perception.pipeline.frame_pipeline import FramePipeline, create_trackers
from approx_perception.predictors import (
    AccuracyPredictor,
    AccuracyTable,
    AdaptiveLatency,
    ConstantAccuracy,
    LatencyModel,
    OrderedAccuracy,
    accuracy_of_space,
)
from approx_perception.predictors.bundle import PredictorBundle
from approx_perception.predictors.scale_regressor import ScaleRegressor
from approx_perception.profiling.calibration import batches_that_pay, calibrate, calibration_scene
from approx_perception.profiling.measuring import LatencyRows, PartTimer, Scene
from approx_perception.scheduling import PolicyFactory, Scheduler, check_policy_name
from approx_perception.share import share_folder
from approx_perception.structures import SLA, LoadReading
from approx_perception.trackers import Tracker
from approx_perception.training.fit_latency import fit_latency

__all__ = [
    "Kernel",
    "KernelOptions",
    "assemble",
    "load_network",
    "load_space",
    "machine_name",
    "prepare_space",
    "space_names",
]


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
    profile
        What ``approx-perception profile`` wrote; None to calibrate at start.
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
    profile: Path | None = None


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
    policies
        Builds any policy for the space.
    latency
        Predicts and learns.
    agnostic_accuracy
        ``(B,)`` AP50 of the branches whatever is in view, or ranks below `RANKS_BELOW`.
    """

    pipeline: FramePipeline
    detector: Detector
    space: BranchSpace
    branch: Branch
    policies: PolicyFactory
    latency: AdaptiveLatency
    agnostic_accuracy: npt.NDArray[np.float64]
    _accuracy: AccuracyPredictor
    _options: KernelOptions
    _clock: Clock
    _load: Callable[[], LoadReading]

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height in px for which latencies were measured."""
        return self._options.image_size

    def twin(self) -> "Kernel":
        """For another camera: shares the network and what is known, and has all else anew."""
        known = self.policies
        policies = PolicyFactory(
            self.space, known.original, self.agnostic_accuracy, known.scale_regressor
        )
        policy = policies.create(self._options.policy, self.branch)
        latency = AdaptiveLatency(self.space, self.latency.model)
        pipeline = FramePipeline(
            self.detector, create_trackers(self.space),
            Scheduler(self.space, policy, latency, self._accuracy), self._options.sla,
            self._options.score_threshold, clock=self._clock, load=self._load,
        )  # fmt: skip
        return replace(self, pipeline=pipeline, policies=policies, latency=latency)

    def measure_again(self) -> LatencyModel:
        """Calibrate as at start; with a profile, that is the model. Takes seconds."""
        model = self.latency.model
        if model.is_profiled:
            return model
        trackers = create_trackers(self.space)
        scene = calibration_scene(self._options.image_size)
        return _calibrated(self.detector, trackers, self.space, scene, self._clock)

    def forget_latencies(self, model: LatencyModel) -> "Kernel":
        """Replace what was learned of latencies by a model; the pipeline goes on."""
        latency = AdaptiveLatency(self.space, model)
        self.pipeline.scheduler.latency = latency
        return replace(self, latency=latency)

    def batches_that_pay(self, count: int) -> frozenset[tuple[int, int | None]]:
        """Settings at which ``count`` cameras are quicker as a batch; measured now."""
        scene = calibration_scene(self._options.image_size)
        return batches_that_pay(self.detector, self.space, scene, count, self._clock)


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


def machine_name(detector: Detector, num_threads: int) -> str:
    """What latencies depend on beside network and space."""
    return f"{describe_cpu()}, {detector.device}, {detector.precision}, {num_threads} threads"


def load_network(options: KernelOptions, precision: str | None = None) -> tuple[Detector, int]:
    """Load the network that options name; returns its number of threads too.

    Raises
    ------
    ConfigurationError
        If an option cannot be used.
    WeightsError
        If the network cannot be loaded.
    """
    # With all cores taken, an inference waits for whichever of them does something else.
    num_threads = options.num_threads or max(core_count() - 1, 1)
    detector = load_detector(
        options.detector,
        DetectorOptions(
            options.weights,
            options.class_names_file,
            options.device,
            num_threads,
            precision or options.precision,
        ),
    )
    return detector, num_threads


def prepare_space(space: BranchSpace, detector: Detector) -> dict[TrackerSettings, Tracker]:
    """Refuse settings that cannot run, before anything slow is done, and build all trackers."""
    for shape, nprop in space.detector_settings:
        detector.check_settings(DetectorSettings(shape, nprop))
    return create_trackers(space)


def _shipped_predictors(detector: Detector, space: BranchSpace) -> PredictorBundle | None:
    """Accuracy by content that ships with the weights, ``NAME.predictors.json``, if it fits."""
    if detector.weights_path is None:
        return None
    path = detector.weights_path.with_suffix(".predictors.json")
    if not path.is_file():
        return None
    bundle = PredictorBundle.load(path)
    fits = bundle.metadata.get("space_hash") == space.hash
    return bundle if fits and bundle.metadata.get("network") == detector.fingerprint else None


def _accuracy_table(detector: Detector) -> AccuracyTable | None:
    """Table beside the weights, ``NAME.accuracy.json``, if there is one."""
    if detector.weights_path is None:
        return None
    path = detector.weights_path.with_suffix(".accuracy.json")
    return AccuracyTable.from_json(path) if path.is_file() else None


def _scale_regressor(detector: Detector) -> ScaleRegressor | None:
    """AdaScale's, beside the weights, ``NAME.scale.npz``, if there is one."""
    if detector.weights_path is None:
        return None
    path = detector.weights_path.with_suffix(".scale.npz")
    return ScaleRegressor.load(path, detector.fingerprint) if path.is_file() else None


def _accuracy(
    bundle: PredictorBundle | None, detector: Detector, space: BranchSpace
) -> tuple[AccuracyPredictor, npt.NDArray[np.float64]]:
    """Best that is known, and the same whatever is in view."""
    bundle = bundle or _shipped_predictors(detector, space)
    if bundle is not None:
        return OrderedAccuracy(bundle.accuracy, space), bundle.accuracy.agnostic
    agnostic = accuracy_of_space(space, _accuracy_table(detector))
    return ConstantAccuracy(agnostic), agnostic


def _calibrated(
    detector: Detector,
    trackers: dict[TrackerSettings, Tracker],
    space: BranchSpace,
    scene: Scene,
    clock: Clock,
    report: Callable[[str], None] = lambda _: None,
) -> LatencyModel:
    columns = calibrate(detector, trackers, space, scene, clock, report)
    return fit_latency(columns, np.full((1, 2), np.nan), space)


def assemble(
    options: KernelOptions,
    clock: Clock | None = None,
    report: Callable[[str], None] = lambda _: None,
    load: Callable[[], LoadReading] = LoadReading,
    network: tuple[Detector, int] | None = None,
    elsewhere: LatencyModel | None = None,
) -> Kernel:
    """Load the network, preheat every branch, learn what it costs, and put the pipeline together.

    Parameters
    ----------
    options
        What the user chose.
    clock
        Where latencies come from.
    report
        Called with a line on what is being done.
    load
        Newest reading of load monitors.
    network
        What `load_network` returned for the same options, to share it.
    elsewhere
        Latencies of the machine that is simulated, where it is not this one: nothing is measured
        here, and the profile may be of any machine.

    Raises
    ------
    ConfigurationError
        If an option cannot be used, or the profile is of something else.
    WeightsError
        If the network cannot be loaded.
    """
    clock = clock or MonotonicClock()
    space = load_space(options.space, options.detector)
    branch = parse_branch(options.branch, space.default_branch)
    check_policy_name(options.policy)
    if options.only_branch:
        space = space.with_branch(branch)
    elif options.policy == "fixed":
        space.index(branch)
    bundle = PredictorBundle.load(options.profile) if options.profile else None
    report(f"loading {options.detector}")
    precision = options.precision
    if bundle is not None and precision == "auto":
        # The choice at start is by stopwatch and might differ from that of the profile.
        precision = str(bundle.metadata.get("precision", precision))
    detector, num_threads = network or load_network(options, precision)
    if bundle is not None:
        here = None if elsewhere else machine_name(detector, num_threads)
        bundle.check(space, detector.fingerprint, here)
    trackers = prepare_space(space, detector)
    accuracy, agnostic = _accuracy(bundle, detector, space)
    original = bundle.original if bundle else None
    policies = PolicyFactory(space, original, agnostic, _scale_regressor(detector))
    policy = policies.create(options.policy, branch)
    if elsewhere is not None:
        model = bundle.latency if bundle is not None and bundle.latency else elsewhere
    else:
        report("preheating")
        scene = calibration_scene(options.image_size)
        PartTimer(detector, trackers, space, clock, LatencyRows()).preheat(scene)
        profiled = bundle.latency if bundle is not None else None
        model = profiled or _calibrated(detector, trackers, space, scene, clock, report)
    latency = AdaptiveLatency(space, model)
    scheduler = Scheduler(space, policy, latency, accuracy)
    pipeline = FramePipeline(
        detector, trackers, scheduler, options.sla, options.score_threshold, clock=clock, load=load
    )
    return Kernel(
        pipeline, detector, space, branch, policies, latency, agnostic,
        accuracy, options, clock, load,
    )  # fmt: skip
