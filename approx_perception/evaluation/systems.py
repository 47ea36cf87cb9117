"""The systems that can be evaluated side by side, from a user's words to something that runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from approx_perception.assembly import Kernel, KernelOptions, assemble, load_network
from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.branches import BranchSpace
from approx_perception.detectors import Detector
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.files import read_yaml_table
from approx_perception.interface.systems import ALIASES, HINDSIGHT, SYSTEMS, WITH_BRANCH
from approx_perception.latency.fit import fit_latency
from approx_perception.latency.records import ProfileRecords
from approx_perception.pipeline.driver import System
from approx_perception.simulation.recorded_machine import (
    LatencyTrace,
    SimulatedMachine,
    SimulatedPipeline,
)

__all__ = [
    "SYSTEMS",
    "WITH_BRANCH",
    "BuiltSystem",
    "RecordedMachine",
    "SystemFactory",
    "SystemSpec",
]

_SLA_NAMES = {"sla_ms": "latency_ms", "sla_quantile": "quantile", "sla_scope": "scope"}


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """One system to evaluate.

    Attributes
    ----------
    name
        For tables.
    kind
        A key of `SYSTEMS`; its other words are `ALIASES`.
    options
        Network, space, branch, SLA; the policy follows from the kind.
    """

    name: str
    kind: str
    options: KernelOptions

    @classmethod
    def create(cls, kind: str, options: KernelOptions, name: str = "") -> "SystemSpec":
        """Check the kind and give the options its policy.

        Raises
        ------
        ConfigurationError
            If there is no such kind, or it asks for another branch.
        """
        own = ALIASES.get(kind, kind)
        if own not in SYSTEMS:
            raise ConfigurationError(f"there is no policy {shown(kind)}; choose {choices(SYSTEMS)}")
        if kind == "detector_only" and "si=" in options.branch and "si=1" not in options.branch:
            raise ConfigurationError(
                f"detector_only runs the detector on every frame, but its branch is "
                f"{shown(options.branch)}; leave si out, or take the policy 'fixed'"
            )
        options = replace(options, policy=SYSTEMS[own], only_branch=own in WITH_BRANCH)
        return cls(name or kind, own, options)

    @classmethod
    def read(cls, text: str, defaults: KernelOptions) -> "SystemSpec":
        """Read a system: a policy, one with its branch, or a YAML file with ``policy`` and options.

        Parameters
        ----------
        text
            ``most_accurate``, ``fixed:shape=448,si=4``, or ``path.yaml``.
        defaults
            Options that a file does not name.

        Raises
        ------
        ConfigurationError
            Naming what cannot be used.
        """
        if not text.endswith((".yaml", ".yml")):
            kind, has_branch, branch = text.partition(":")
            if not has_branch:
                return cls.create(text, defaults)
            if ALIASES.get(kind, kind) not in WITH_BRANCH:
                raise ConfigurationError(
                    f"the policy {shown(text)} names a branch; only {choices(WITH_BRANCH)} take one"
                )
            if not branch:
                raise ConfigurationError(
                    f"the policy {shown(text)} names no branch; write one, such as "
                    f"'{kind}:shape=448'"
                )
            return cls.create(kind, replace(defaults, branch=branch), text)
        path = Path(text)
        content = read_yaml_table(path, "description of a system", "'policy' and options")
        kind = content.pop("policy", None) or content.pop("system", None)
        if kind is None:
            raise ConfigurationError(
                f"{path} is no description of a system: it has no 'policy', one of "
                f"{choices(SYSTEMS)}"
            )
        kind, name = str(kind), str(content.pop("name", path.stem))
        return cls.create(kind, _with_options(path, defaults, content), name)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        options = {**asdict(self.options), "sla": self.options.sla.to_dict()}
        for key, value in options.items():
            if isinstance(value, Path):
                options[key] = str(value)
        return {"name": self.name, "system": self.kind, **options}


def _with_options(path: Path, defaults: KernelOptions, content: Mapping[str, Any]) -> KernelOptions:
    """Options of a file over those of the command line."""
    known = {field.name for field in fields(KernelOptions)} - {"policy", "only_branch", "sla"}
    values, sla = asdict(defaults), defaults.sla.to_dict()
    for key, value in content.items():
        if key in _SLA_NAMES:
            sla[_SLA_NAMES[key]] = value
        elif key in known:
            values[key] = value
        else:
            names = choices(sorted(known | {*_SLA_NAMES}))
            raise ConfigurationError(f"{path}: there is no option {shown(key)}; choose {names}")
    try:
        return TypeAdapter(KernelOptions).validate_python({**values, "sla": sla})
    except ValidationError as error:
        reasons = "; ".join(
            f"{entry['loc'][-1]} is {shown(entry['input'])}: {entry['msg']}"
            for entry in error.errors()
        )
        raise ConfigurationError(f"{path}: {reasons}") from error


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
    machine
        That is simulated; None for this one.
    """

    spec: SystemSpec
    system: System
    kernel: Kernel
    machine: SimulatedMachine | None = None

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
    """

    def __init__(self, machine: RecordedMachine | None = None) -> None:
        self._machine = machine
        self._networks: dict[tuple[Any, ...], tuple[Detector, int]] = {}

    def build(self, spec: SystemSpec, levels: Sequence[int] = (0,)) -> BuiltSystem:
        """Load, warm and measure a system.

        Parameters
        ----------
        spec
            What to build.
        levels
            ``(N,)`` level of contention of each frame, of the recorded machine.

        Raises
        ------
        ConfigurationError
            If an option cannot be used.
        WeightsError
            If its network cannot be loaded.
        """
        options = spec.options
        if self._machine is None:
            if spec.kind in HINDSIGHT:
                raise ConfigurationError(
                    f"the policy {shown(spec.kind)} must know what every branch would have taken, "
                    "which only a recorded machine tells: give --latency-trace"
                )
            options = _without_needless_profile(options)
            kernel = assemble(options, network=self._network(options))
            return BuiltSystem(spec, kernel.pipeline, kernel)
        records = self._machine.records
        precision = str(records.metadata["precision"])
        # A branch of its own may need parts that nobody recorded.
        options = replace(options, only_branch=False, precision=precision)
        idle = {n: c[records.latency["level"] == 0] for n, c in records.latency.items()}
        network = self._network(options)
        space = BranchSpace.from_dict(records.metadata["space"], "the recorded machine's space")
        kernel = assemble(
            options, network=network,
            elsewhere=fit_latency(idle, np.full((1, 2), np.nan), space),
        )  # fmt: skip
        load = np.array(
            [[level["cpu_others"], level["gpu_others"]] for level in self._machine.levels],
            np.float64,
        )
        size = int(records.latency["image_width"][0]), int(records.latency["image_height"][0])
        trace = LatencyTrace(records.latency, load, kernel.space, size)
        machine = SimulatedMachine(trace, kernel.space, np.array(levels, np.int64))
        detector = kernel.detector
        system = SimulatedPipeline(
            machine, lambda image, settings, _: detector.detect(image, settings),
            detector.class_names, kernel.pipeline.scheduler, options.sla,
            options.score_threshold, options.class_agnostic_iou, inner=detector,
        )  # fmt: skip
        return BuiltSystem(spec, system, kernel, machine)

    def _network(self, options: KernelOptions) -> tuple[Detector, int]:
        key = (
            options.detector, options.weights, options.class_names_file, options.device,
            options.precision, options.num_threads,
        )  # fmt: skip
        if key not in self._networks:
            self._networks[key] = load_network(options)
        return self._networks[key]
