"""Systems that choose when all is over, for others to be judged by."""

from collections.abc import Sequence

from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.evaluation.conditions import conditions_of
from approx_perception.evaluation.metadata import system_metadata
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.systems import BuiltSystem, RecordedMachine
from approx_perception.exceptions import ConfigurationError, DatasetError
from approx_perception.metrics.run_record import RunRecord, RunRecorder
from approx_perception.pipeline.driver import Driver, drive
from approx_perception.simulation.hindsight import BranchOutcomes, KnownAfterwards, follow_branches
from approx_perception.simulation.replay import matcher

__all__ = ["Afterwards"]


class Afterwards:
    """Runs the systems that choose when all is over; all frames are in memory."""

    def __init__(
        self,
        frames: Sequence[LabelledFrame],
        options: SourceOptions,
        source: FrameSource,
        scenario: Scenario,
        machine: RecordedMachine | None,
    ) -> None:
        self._frames, self._options = frames, options
        self._source, self._scenario, self._machine = source, scenario, machine
        self._followed: dict[str, BranchOutcomes] = {}

    def record(self, built: BuiltSystem) -> RunRecord:
        """Follow all branches of a system's space, once, and choose."""
        spec = built.spec
        if self._scenario.camera:
            raise ConfigurationError(
                f"the system {spec.kind!r} knows nothing of dropped frames; leave camera out"
            )
        if any(entry.ground_truth is None for entry in self._frames):
            raise DatasetError(
                f"{self._options.name} has frames without ground truth, by which the system "
                f"{spec.kind!r} chooses"
            )
        class_map = ClassMap(
            built.class_names, self._source.class_names, self._options.class_map.names
        )
        outcomes = self._follow(built, class_map)
        conditions = conditions_of(self._scenario, spec, self._machine)
        slas = [conditions.sla(entry.frame.sequence) for entry in self._frames]
        choice = outcomes.oracle(slas)
        if spec.kind == "best_fixed":
            fixed = outcomes.best_fixed(slas)
            if fixed is None:
                raise ConfigurationError(
                    f"no fixed branch meets the SLA of {spec.options.sla.latency_ms:g} ms on "
                    f"{self._options.name}; leave the system 'best_fixed' out"
                )
            choice = fixed
        metadata = system_metadata(built, self._options, self._source, self._scenario)
        metadata |= {"has_stages": False, "has_identities": False}
        recorder = RunRecorder(metadata, class_map)
        system = KnownAfterwards(outcomes, choice, slas[0])
        drive(self._frames, [Driver(system, conditions, [recorder], spec.name)])
        return recorder.finish()

    def _follow(self, built: BuiltSystem, class_map: ClassMap) -> BranchOutcomes:
        """All branches of a network and a space, once."""
        kernel, machine = built.kernel, built.machine
        if machine is None:
            raise AssertionError("such systems are built on a recorded machine only")
        iou = built.spec.options.class_agnostic_iou
        key = f"{kernel.detector.description}, {kernel.space.hash}, {iou}"
        if key not in self._followed:
            stream = kernel.pipeline
            self._followed[key] = follow_branches(
                stream.kernel, self._frames, machine, matcher(self._frames, class_map),
                len(class_map.truth_names), stream.state,
            )  # fmt: skip
        return self._followed[key]
