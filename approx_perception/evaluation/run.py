"""One source under one or more systems: sources and systems in, records out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice

from approx_perception.datasets import FrameSource, LabelledFrame, is_synthetic
from approx_perception.datasets.class_map import ClassMap
from approx_perception.evaluation.afterwards import Hindsight
from approx_perception.evaluation.conditions import (
    SteppedContention,
    conditions_of,
)
from approx_perception.evaluation.metadata import system_metadata
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.evaluation.systems import (
    BuiltSystem,
    RecordedMachine,
    SystemFactory,
)
from approx_perception.exceptions import DatasetError
from approx_perception.interface.systems import HINDSIGHT
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.run_recorder import RunRecorder
from approx_perception.metrics.truth_use import check_classes, truth_given
from approx_perception.notices import notice
from approx_perception.pipeline.driver import Conditions, Driver, Listener, System, drive

__all__ = ["Listen", "run_systems"]

#: Called with each system before its first frame: who else listens to it, and with its source.
Listen = Callable[[BuiltSystem, FrameSource], Sequence[Listener]]


def run_systems(
    specs: Sequence[SystemSpec],
    options: SourceOptions,
    scenario: Scenario,
    machine: RecordedMachine | None = None,
    factory: SystemFactory | None = None,
    listen: Listen = lambda system, source: (),
) -> list[RunRecord]:
    """Run all systems over the frames of a source, frame by frame in turns.

    So drift of the machine hits all alike. Each has its own memory of the stream; systems of the
    same network share it.

    Parameters
    ----------
    specs
        Systems, each with a name of its own.
    options
        The source.
    scenario
        What the run is subjected to. Contention holds for a frame from before the first system
        processes it.
    machine
        Recorded latencies in place of this machine's.
    factory
        Builds the systems; left out, one is made.
    listen
        Says who listens to a system beside the recorder.

    Returns
    -------
    list of RunRecord
        One for each system, in their order.

    Raises
    ------
    DatasetError
        If the source has no frames.
    InferenceError
        If a system failed on every frame.
    """
    source = options.open()
    entries = islice(source, options.limit(source))
    first = next(entries, None)
    if first is None:
        raise DatasetError(f"{options.public_name} has no frames")
    factory = factory or SystemFactory(machine)
    height, width = first.frame.image.shape[:2]
    runs = []
    for spec in specs:
        sized = replace(spec, options=replace(spec.options, image_size=(width, height)))
        conditions = conditions_of(scenario, spec, machine)
        built = factory.build(sized, conditions.level)
        runs.append(_Run(built, conditions, options, source, scenario))
    if not is_synthetic(options.name):
        for caution in sorted({run.system.network.kernel.caution for run in runs} - {""}):
            notice(caution)
    online = [run for run in runs if not run.is_hindsight]
    drivers = [run.driver(run.system.system, listen(run.system, source)) for run in online]
    seen: list[LabelledFrame] = []
    whole = chain([first], entries)
    with ExitStack() as stack:
        contention = SteppedContention({} if machine else scenario.contention_steps, stack)
        drive(
            _kept(whole, seen) if len(online) < len(runs) else whole, drivers,
            lambda frame: contention.prepare(frame.sequence),
        )  # fmt: skip
    hindsight = Hindsight(seen, options.name)
    for run in runs:
        if run.is_hindsight:
            system = hindsight.system(run.system, run.conditions, run.class_map)
            drive(seen, [run.driver(system)])
    return [run.record() for run in runs]


class _Run:
    """One system on one source."""

    def __init__(
        self,
        system: BuiltSystem,
        conditions: Conditions,
        options: SourceOptions,
        source: FrameSource,
        scenario: Scenario,
    ) -> None:
        self.system, self.conditions = system, conditions
        self._options, self._source = options, source
        self.is_hindsight = system.spec.kind in HINDSIGHT
        self.class_map = ClassMap(system.class_names, source.class_names, options.class_map.names)
        if options.ground_truth is not None:
            check_classes(self.class_map, source.truth_name)
        metadata = system_metadata(system, options, source, scenario)
        if self.is_hindsight:
            metadata |= {"has_stages": False, "has_identities": False}
        self._recorder = RunRecorder(metadata, self.class_map)

    def driver(self, system: System, listeners: Sequence[Listener] = ()) -> Driver:
        """Feeds the system, or one in its place, and records."""
        name = self.system.spec.name
        return Driver(system, self.conditions, [self._recorder, *listeners], name)

    def record(self) -> RunRecord:
        """All that was recorded."""
        record, limit = self._recorder.finish(), self._options.limit(self._source)
        # Of the network: systems that share it have one count.
        record.metadata["malformed_detections"] = self.system.network.kernel.malformed_count
        # Only now a bag knows which stamps of its truth were no image's.
        record.metadata["truth"] = truth_given(
            self._source, self.class_map, self._options.ground_truth is not None,
            limit is None or len(record) < limit,
        )  # fmt: skip
        return record


def _kept(entries: Iterator[LabelledFrame], seen: list[LabelledFrame]) -> Iterator[LabelledFrame]:
    """The same frames, which are remembered for systems that choose afterwards."""
    for entry in entries:
        seen.append(entry)
        yield entry
