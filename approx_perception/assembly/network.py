"""All that runs, put together."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psutil

from approx_perception.accuracy._base import AccuracyPredictor
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.assembly.calibration import calibrate, calibration_images
from approx_perception.assembly.execution import check_execution
from approx_perception.assembly.idleness import busy_sentence
from approx_perception.assembly.known_accuracy import known_accuracy
from approx_perception.assembly.loading import (
    as_profiled,
    load_network,
    load_space,
    machine_name,
    space_of,
)
from approx_perception.assembly.measuring import PartTimer
from approx_perception.assembly.options import KernelOptions
from approx_perception.assembly.policy_factory import PolicyFactory, check_policy_name
from approx_perception.assembly.tasks import NeuralNetwork, task_of
from approx_perception.clock import Clock, MonotonicClock
from approx_perception.kernels import Kernel
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.machine import give_back_memory
from approx_perception.notices import notice
from approx_perception.pipeline import Stream
from approx_perception.pipeline.batches import batches_that_pay
from approx_perception.pipeline.beside_runner import BesideRunner, ModelledBeside
from approx_perception.pipeline.pipelined_stream import PipelinedStream
from approx_perception.scheduling import Scheduler
from approx_perception.structures import LoadReading

__all__ = ["Network", "assemble"]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network with its branches and all that is known of them: warm, shared, never changed.

    Attributes
    ----------
    options
        What the user chose.
    kernel
        Runs branches.
    branch
        What ``fixed`` means.
    policies
        Builds any policy for the space.
    accuracy, accuracy_source
        What branches are worth before a frame was seen, and where that comes from, in words.
    model
        What parts take, as profiled or as calibrated.
    clock
        Where latencies come from.
    load
        Newest reading of load monitors.
    runtime_reason
        Why the network runs in its runtime and precision; empty where nothing was to choose.
    memory_mb
        By which loading and preheating made the process larger.
    """

    options: KernelOptions
    kernel: Kernel
    branch: Any
    policies: PolicyFactory
    accuracy: AccuracyPredictor
    accuracy_source: str
    model: LatencyModel
    clock: Clock
    load: Callable[[], LoadReading]
    runtime_reason: str
    memory_mb: float

    @property
    def space(self) -> Any:
        """Branches to choose from."""
        return self.kernel.space

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height in px for which latencies were measured."""
        return self.options.image_size

    def latency(self, execution: str = "sequential") -> AdaptiveLatency:
        """Predictions that begin with the model; they learn, so each stream has its own."""
        return AdaptiveLatency(self._space(execution), self.model, self.kernel.cost_terms)

    def _space(self, execution: str) -> Any:
        return self.space if execution == "sequential" else self.space.beside

    def stream(self, execution: str = "", runner: BesideRunner | None = None) -> Stream:
        """Build what one camera needs beside the network.

        Parameters
        ----------
        execution
            See `check_execution`; empty for that of the options.
        runner
            Of what runs beside; left out, it is modelled by the frames' stamps.
        """
        options, execution = self.options, execution or self.options.execution
        policy = self.policies.create(options.policy, self.branch)
        space, latency = self._space(execution), self.latency(execution)
        scheduler = Scheduler(space, policy, latency, self.accuracy)
        stream: Stream
        if execution == "sequential":
            stream = Stream(self.kernel, scheduler, options.sla, self.clock, self.load)
        else:
            runner = runner or ModelledBeside(self.clock)
            stream = PipelinedStream(
                self.kernel, scheduler, options.sla, runner, self.clock, self.load
            )
        stream.state.options = task_of(options).state_options(options)
        return stream

    def measured_again(self) -> "Network":
        """Calibrate as at start; with a profile, nothing is measured. Takes seconds."""
        if self.model.is_profiled:
            return self
        return replace(self, model=calibrate(self.kernel, self.image_size, self.clock))

    def batches_that_pay(
        self, count: int, report: Callable[[str], None] = lambda _: None
    ) -> frozenset[int]:
        """Parts at which ``count`` cameras are quicker as a batch; measured now."""
        images = calibration_images(self.image_size)
        together = [images[index % len(images)] for index in range(count)]
        return batches_that_pay(self.kernel, together, self.clock, report)


def assemble(
    options: KernelOptions,
    clock: Clock | None = None,
    report: Callable[[str], None] = lambda _: None,
    load: Callable[[], LoadReading] = LoadReading,
    network: tuple[NeuralNetwork, int] | None = None,
    elsewhere: LatencyModel | None = None,
) -> Network:
    """Load the network, preheat every branch, and learn what it costs.

    Parameters
    ----------
    options
        What the user chose.
    clock
        Where latencies come from.
    report
        Called with a line on what is being done, before each part of it; what it raises ends it.
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
    task = task_of(options)
    family = task.family(options)
    # What can be refused without the network is, before seconds of loading.
    load_space(options.space, family, task.name).parse(options.branch)
    check_policy_name(options.policy, options.task)
    task.state_options(options)
    bundle = PredictorBundle.load(options.profile) if options.profile else None
    report(f"loading {family}")
    before_mb = _resident_mb()
    if bundle is not None:
        options = as_profiled(options, bundle.metadata)
    loaded, num_threads = network or load_network(options, report)
    space = space_of(options, loaded)
    branch = space.parse(options.branch)
    if options.only_branch:
        space = space.with_branch(branch)
    elif options.policy == "fixed":
        space.index(branch)
    if bundle is not None:
        here = None if elsewhere else machine_name(loaded, num_threads)
        bundle.check(space, loaded.fingerprint, here)
        if reasons := busy_sentence(bundle.metadata.get("idleness") or {}):
            notice(
                f"the profile {options.profile} was made on a busy machine ({reasons}); "
                "latencies are learned anew while it runs, or make another one"
            )
    kernel = task.kernel(loaded, space)
    accuracy, agnostic, accuracy_source = known_accuracy(bundle, task, loaded, space)
    policies = PolicyFactory(space, agnostic, loaded, options.profile, options.task)
    policies.check(options.policy, branch)
    check_execution(options.execution, space, options.policy, branch)
    profiled = bundle.latency if bundle else None
    if elsewhere is not None:
        model = profiled or elsewhere
    elif profiled is not None:
        PartTimer(kernel, clock).preheat(calibration_images(options.image_size), report)
        model = profiled
    else:
        model = calibrate(kernel, options.image_size, clock, report)
    give_back_memory()
    return Network(
        options, kernel, branch, policies, accuracy, accuracy_source, model, clock, load,
        loaded.runtime_reason, _resident_mb() - before_mb,
    )  # fmt: skip


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss / 2**20)
