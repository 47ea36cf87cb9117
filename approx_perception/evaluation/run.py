"""One source under one or more systems: sources and systems in, records out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice

from approx_perception.datasets import FrameSource, LabelledFrame, is_synthetic
from approx_perception.datasets.class_map import ClassMap
from approx_perception.evaluation.afterwards import Afterwards
from approx_perception.evaluation.conditions import (
    SteppedContention,
    conditions_of,
    level_of_each_frame,
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
from approx_perception.metrics.run_record import RunRecord, RunRecorder
from approx_perception.metrics.truth_use import check_classes, truth_given
from approx_perception.notices import notice
from approx_perception.pipeline.driver import Driver, Listener, drive

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
    entries = islice(source, options.frames)
    first = next(entries, None)
    if first is None:
        raise DatasetError(f"{options.name} has no frames")
    built = _built(specs, options, scenario, source, first, factory or SystemFactory(machine))
    online = [system for system in built if system.spec.kind not in HINDSIGHT]
    recorders: list[RunRecorder] = []
    drivers: list[Driver] = []
    for system in online:
        recorder = RunRecorder(
            system_metadata(system, options, source, scenario), _class_map(system, options, source)
        )
        conditions = conditions_of(scenario, system.spec, machine)
        listeners = [recorder, *listen(system, source)]
        recorders.append(recorder)
        drivers.append(Driver(system.system, conditions, listeners, system.spec.name))
    seen: list[LabelledFrame] = []
    whole = chain([first], entries)
    with ExitStack() as stack:
        contention = SteppedContention({} if machine else scenario.contention_steps, stack)
        drive(
            _kept(whole, seen) if len(online) < len(built) else whole, drivers,
            lambda frame: contention.prepare(frame.sequence),
        )  # fmt: skip
    finished = iter([recorder.finish() for recorder in recorders])
    afterwards = Afterwards(seen, options, source, scenario, machine)
    records = [
        afterwards.record(system) if system.spec.kind in HINDSIGHT else next(finished)
        for system in built
    ]
    for system, record in zip(built, records, strict=True):
        # Of the network: systems that share it have one count.
        record.metadata["malformed_detections"] = system.kernel.detector.malformed_count
        # Only now a bag knows which stamps of its truth were no image's.
        record.metadata["truth"] = truth_given(
            source, _class_map(system, options, source), options.ground_truth is not None,
            options.frames is None or len(record) < options.frames,
        )  # fmt: skip
    return records


def _built(
    specs: Sequence[SystemSpec],
    options: SourceOptions,
    scenario: Scenario,
    source: FrameSource,
    first: LabelledFrame,
    factory: SystemFactory,
) -> list[BuiltSystem]:
    """Build the systems for the source's images, and say what is wrong with their networks."""
    height, width = first.frame.image.shape[:2]
    count = min(source.frame_count or options.frames or 1, options.frames or source.frame_count)
    levels = level_of_each_frame(scenario, factory.machine, count)
    built = [
        factory.build(
            replace(spec, options=replace(spec.options, image_size=(width, height))), levels
        )
        for spec in specs
    ]
    if not is_synthetic(options.name):
        for caution in sorted({own.kernel.detector.caution for own in built} - {""}):
            notice(caution)
    return built


def _kept(entries: Iterator[LabelledFrame], seen: list[LabelledFrame]) -> Iterator[LabelledFrame]:
    """The same frames, which are remembered for systems that choose afterwards."""
    for entry in entries:
        seen.append(entry)
        yield entry


def _class_map(system: BuiltSystem, options: SourceOptions, source: FrameSource) -> ClassMap:
    class_map = ClassMap(system.class_names, source.class_names, options.class_map.names)
    if options.ground_truth is not None:
        check_classes(class_map, source.truth_name)
    return class_map
