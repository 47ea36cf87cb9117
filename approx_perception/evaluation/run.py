"""One evaluation from beginning to end: sources and systems in, records out."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice

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
from approx_perception.evaluation.systems import (
    BuiltSystem,
    RecordedMachine,
    SystemFactory,
    SystemSpec,
)
from approx_perception.exceptions import DatasetError
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.truth_use import check_classes, truth_given
from approx_perception.notices import notice
from approx_perception.pipeline.driver import Driver
from approx_perception.simulation.hindsight import HINDSIGHT
from approx_perception.simulation.recorded_machine import SimulatedPipeline
from approx_perception.structures import Frame, FrameResult

__all__ = ["Watch", "run_systems"]

#: Called after each frame of each system, with the system's name and class names.
Watch = Callable[[str, tuple[str, ...], Frame, FrameResult], None]


def run_systems(
    specs: Sequence[SystemSpec],
    options: SourceOptions,
    scenario: Scenario,
    machine: RecordedMachine | None = None,
    factory: SystemFactory | None = None,
    watch: Watch = lambda name, class_names, frame, result: None,
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
    watch
        Called after each frame of each system.

    Returns
    -------
    list of RunRecord
        One for each system, in their order.
    """
    source = options.open()
    entries = islice(source, options.frames)
    first = next(entries, None)
    if first is None:
        raise DatasetError(f"{options.name} has no frames")
    size = first.frame.image.shape[1], first.frame.image.shape[0]
    count = min(source.frame_count or options.frames or 1, options.frames or source.frame_count)
    levels = level_of_each_frame(scenario, machine, count)
    factory = factory or SystemFactory(machine)
    built = [
        factory.build(replace(spec, options=replace(spec.options, image_size=size)), levels)
        for spec in specs
    ]
    if not is_synthetic(options.name):
        for caution in sorted({own.kernel.detector.caution for own in built} - {""}):
            notice(caution)
    with ExitStack() as stack:
        contention = SteppedContention({} if machine else scenario.contention_steps, stack)
        driven = [system for system in built if system.spec.kind not in HINDSIGHT]
        drivers = [_driver(system, options, source, scenario, machine) for system in driven]
        seen: list[LabelledFrame] | None = [] if len(drivers) < len(built) else None
        position = 0
        entry: LabelledFrame | None = first
        while entry is not None:
            if seen is not None:
                seen.append(entry)
            contention.prepare(position)
            # None drives where all systems choose afterwards.
            turn = position % max(len(drivers), 1)
            for index in [*range(turn, len(drivers)), *range(turn)]:
                result = drivers[index].feed(entry)
                _tell(watch, driven[index], result)
            entry = next(entries, None)
            position += 1
        for system, driver in zip(driven, drivers, strict=True):
            _tell(watch, system, driver.flush())
        finished = iter([driver.finish() for driver in drivers])
    afterwards = Afterwards(seen or [], options, source, scenario, machine)
    records = [
        afterwards.record(system) if system.spec.kind in HINDSIGHT else next(finished)
        for system in built
    ]
    # Only now a bag knows which stamps of its truth were no image's.
    is_named = options.ground_truth is not None
    for system, record in zip(built, records, strict=True):
        is_whole = options.frames is None or len(record) < options.frames
        class_map = _class_map(system, options, source)
        # Of the network: systems that share it have one count.
        record.metadata["malformed_detections"] = system.kernel.detector.malformed_count
        record.metadata["truth"] = truth_given(source, class_map, is_named, is_whole)
    return records


def _tell(watch: Watch, system: BuiltSystem, result: tuple[Frame, FrameResult] | None) -> None:
    if result is not None:
        watch(system.spec.name, system.class_names, *result)


def _class_map(system: BuiltSystem, options: SourceOptions, source: FrameSource) -> ClassMap:
    class_map = ClassMap(system.class_names, source.class_names, options.class_map.names)
    if options.ground_truth is not None:
        check_classes(class_map, source.truth_name)
    return class_map


def _driver(
    system: BuiltSystem,
    options: SourceOptions,
    source: FrameSource,
    scenario: Scenario,
    machine: RecordedMachine | None,
) -> Driver:
    own = system.system
    return Driver(
        own, conditions_of(scenario, system.spec, machine), _class_map(system, options, source),
        system_metadata(system, options, source, scenario, machine),
        own.skip_to if isinstance(own, SimulatedPipeline) else lambda _: None,
    )  # fmt: skip
