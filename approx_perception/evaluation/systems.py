"""Systems ready to run, on this machine or on a recorded one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from approx_perception.assembly import KernelOptions, Network, assemble, load_network
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.branches import BranchSpace
from approx_perception.detectors import Detector
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.interface.systems import HINDSIGHT
from approx_perception.kernels.detection_costs import DetectionCosts
from approx_perception.latency.fit import fit_latency
from approx_perception.latency.records import ProfileRecords
from approx_perception.pipeline.driver import System
from approx_perception.simulation.recorded_machine import LatencyTrace, SimulatedMachine
from approx_perception.simulation.simulated_stream import SimulatedStream

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


@dataclass(frozen=True, slots=True, eq=False)
class BuiltSystem:
    """A system ready to run.

    Attributes
    ----------
    spec
        What it was built from.
    system
        Takes frames.
    kernel
        What is behind it.
    machine, recorded
        That is simulated, and where it comes from; None for this one.
    """

    spec: SystemSpec
    system: System
    kernel: Network
    machine: SimulatedMachine | None = None
    recorded: RecordedMachine | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """What its class ids mean."""
        return self.kernel.detector.class_names


def _without_needless_profile(options: KernelOptions) -> KernelOptions:
    """Options in the profile's precision, and without it where there is nothing to choose.

    All systems of a comparison run in the same precision, and a branch by itself is another space
    than the profile's.
    """
    if options.profile is None:
        return options
    if options.precision == "auto":
        metadata = PredictorBundle.load(options.profile).metadata
        options = replace(options, precision=str(metadata.get("precision", "auto")))
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
        self._networks: dict[tuple[Any, ...], tuple[Detector, int]] = {}

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
        options = spec.options
        if self.machine is None:
            if spec.kind in HINDSIGHT:
                raise ConfigurationError(
                    f"the policy {shown(spec.kind)} must know what every branch would have taken, "
                    "which only a recorded machine tells: give --latency-trace"
                )
            options = _without_needless_profile(options)
            kernel = assemble(options, report=self._report, network=self._network(options))
            return BuiltSystem(spec, kernel.stream(), kernel)
        records = self.machine.records
        precision = str(records.metadata["precision"])
        # A branch of its own may need parts that nobody recorded.
        options = replace(options, only_branch=False, precision=precision)
        idle = {n: c[records.latency["level"] == 0] for n, c in records.latency.items()}
        network = self._network(options)
        space = BranchSpace.from_dict(records.metadata["space"], "the recorded machine's space")
        kernel = assemble(
            options, network=network,
            elsewhere=fit_latency(
                idle, np.full((1, 2), np.nan), space.compiled, DetectionCosts(space)
            ),
        )  # fmt: skip
        load = np.array(
            [[level["cpu_others"], level["gpu_others"]] for level in self.machine.levels],
            np.float64,
        )
        size = int(records.latency["image_width"][0]), int(records.latency["image_height"][0])
        stream = kernel.stream()
        terms = stream.kernel.cost_terms
        trace = LatencyTrace(records.latency, load, kernel.space.compiled, terms, size)
        machine = SimulatedMachine(trace, level)
        system = SimulatedStream(stream.kernel, stream.scheduler, options.sla, machine)
        # With the user's options.
        system.state = stream.state
        return BuiltSystem(spec, system, kernel, machine, self.machine)

    def _network(self, options: KernelOptions) -> tuple[Detector, int]:
        key = (
            options.detector, options.weights, options.class_names_file, options.device,
            options.precision, options.num_threads,
        )  # fmt: skip
        if key not in self._networks:
            self._report(f"loading {options.family}")
            self._networks[key] = load_network(options)
        return self._networks[key]
