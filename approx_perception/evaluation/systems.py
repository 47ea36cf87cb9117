"""Systems ready to run, on this machine or on a recorded one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from approx_perception.assembly import KernelOptions, Network, assemble, load_network, space_of
from approx_perception.assembly.bundle import PredictorBundle, check_made_for
from approx_perception.assembly.loading import as_profiled
from approx_perception.assembly.options import NETWORK_FIELDS
from approx_perception.assembly.tasks import NeuralNetwork, task_of
from approx_perception.branches import read_space
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.interface.systems import HINDSIGHT
from approx_perception.kernels import Kernel
from approx_perception.kernels.by_task import cost_terms_of
from approx_perception.latency.fit import fit_latency
from approx_perception.latency.latency_model import LatencyModel
from approx_perception.latency.records import ProfileRecords
from approx_perception.pipeline.driver import System
from approx_perception.simulation.recorded_machine import LatencyTrace, SimulatedMachine
from approx_perception.simulation.simulated_stream import SimulatedPipelinedStream, SimulatedStream

__all__ = ["BuiltSystem", "RecordedMachine", "SystemFactory"]


@dataclass(frozen=True, slots=True, eq=False)
class RecordedMachine:
    """A machine as a profile recorded it, to be replayed anywhere.

    Attributes
    ----------
    records
        ``NAME.records.json`` of a profile.
    """

    records: ProfileRecords

    @property
    def levels(self) -> list[dict[str, Any]]:
        """Contention that was recorded, in the words of `ContentionLevel`."""
        return list(self.records.metadata["levels"])

    def level_of(self, wanted: Mapping[str, float]) -> int:
        """Position of a level of contention.

        Raises
        ------
        ConfigurationError
            If it was not recorded.
        """
        names = ("cpu_cores", "cpu_share", "memory_mb_s", "gpu_share")
        for position, level in enumerate(self.levels):
            if all(float(level[name]) == float(wanted[name]) for name in names):
                return position
        recorded = "; ".join(str({name: level[name] for name in names}) for level in self.levels)
        raise ConfigurationError(
            f"the recorded machine was never under {dict(wanted)}; it was under {recorded}"
        )

    def idle_model(self) -> LatencyModel:
        """What the parts took while nothing else ran."""
        columns = self.records.latency
        idle = {name: column[columns["level"] == 0] for name, column in columns.items()}
        space = read_space(self.records.metadata["space"], "the recorded machine's space")
        unknown = np.full((1, 2), np.nan)
        return fit_latency(idle, unknown, space.compiled, cost_terms_of(space))

    def simulated(self, kernel: Kernel, level: Callable[[int], int]) -> SimulatedMachine:
        """The machine, with contention by the number of the frame, as a kernel meets it."""
        columns = self.records.latency
        load = np.array([[own["cpu_others"], own["gpu_others"]] for own in self.levels], np.float64)
        size = int(columns["image_width"][0]), int(columns["image_height"][0])
        trace = LatencyTrace(columns, load, kernel.space.compiled, kernel.cost_terms, size)
        return SimulatedMachine(trace, level)


@dataclass(frozen=True, slots=True, eq=False)
class BuiltSystem:
    """A system ready to run.

    Attributes
    ----------
    spec
        What it was built from.
    system
        Takes frames.
    network
        What is behind it.
    machine, recorded
        That is simulated, and where it comes from; None for this one.
    """

    spec: SystemSpec
    system: System
    network: Network
    machine: SimulatedMachine | None = None
    recorded: RecordedMachine | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """What its class ids mean."""
        return self.network.kernel.class_names


def _without_needless_profile(options: KernelOptions) -> KernelOptions:
    """Options as the profile was made, and without it where there is nothing to choose.

    All systems of a comparison run in the same runtime and precision, and a branch by itself is
    another space than the profile's.
    """
    if options.profile is None:
        return options
    options = as_profiled(options, PredictorBundle.load(options.profile).metadata)
    return replace(options, profile=None) if options.only_branch else options


class SystemFactory:
    """Builds systems; those of the same network share it.

    Parameters
    ----------
    machine
        Recorded latencies in place of this machine's; None for this machine.
    report
        Called with a line on what is being done.
    """

    def __init__(
        self,
        machine: RecordedMachine | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.machine, self._report = machine, report
        self._networks: dict[tuple[Any, ...], tuple[NeuralNetwork, int]] = {}

    def build(self, spec: SystemSpec, level: Callable[[int], int]) -> BuiltSystem:
        """Load, warm and measure a system.

        Parameters
        ----------
        spec
            What to build.
        level
            Of the recorded machine's contention, by the number of the frame.

        Raises
        ------
        ConfigurationError
            If an option cannot be used.
        WeightsError
            If its network cannot be loaded.
        """
        options, recorded = spec.options, self.machine
        if spec.kind in HINDSIGHT and options.execution != "sequential":
            raise ConfigurationError(
                f"execution is {shown(options.execution)}, but what the policy {shown(spec.kind)} "
                "chooses among is known of 'sequential' alone; leave the execution out"
            )
        if recorded is None:
            if spec.kind in HINDSIGHT:
                raise ConfigurationError(
                    f"the policy {shown(spec.kind)} must know what every branch would have taken, "
                    "which only a recorded machine tells: give --latency-trace"
                )
            options = _without_needless_profile(options)
            network = assemble(options, report=self._report, network=self._loaded(options))
            return BuiltSystem(spec, network.stream(), network)
        # A branch of its own may need parts that nobody recorded.
        precision = str(recorded.records.metadata["precision"])
        options = replace(options, only_branch=False, precision=precision)
        loaded = self._loaded(options)
        space = space_of(options, loaded[0])
        check_made_for("the latency trace", recorded.records.metadata, space, loaded[0].fingerprint)
        network = assemble(options, network=loaded, elsewhere=recorded.idle_model())
        machine, own = recorded.simulated(network.kernel, level), network.stream()
        kind = SimulatedStream if options.execution == "sequential" else SimulatedPipelinedStream
        stream = kind(network.kernel, own.scheduler, options.sla, machine)
        # With the user's options.
        stream.state = own.state
        return BuiltSystem(spec, stream, network, machine, recorded)

    def _loaded(self, options: KernelOptions) -> tuple[NeuralNetwork, int]:
        key = tuple(getattr(options, name) for name in NETWORK_FIELDS)
        if key not in self._networks:
            self._report(f"loading {task_of(options).family(options)}")
            self._networks[key] = load_network(options)
        return self._networks[key]
