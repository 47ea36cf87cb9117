"""One evaluation from beginning to end: sources and systems in, records out."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from approx_perception.datasets import FrameSource, LabelledFrame, open_source
from approx_perception.evaluation import ClassMap
from approx_perception.evaluation.driver import Conditions, Driver
from approx_perception.evaluation.run_record import RunRecord
from approx_perception.evaluation.scenario import NO_CONTENTION, Scenario
from approx_perception.exceptions import DatasetError
from approx_perception.profiling import ContentionGenerator, ContentionLevel
from approx_perception.reports.run_files import environment
from approx_perception.structures import Frame, FrameResult
from approx_perception.systems import BuiltSystem, RecordedMachine, SystemFactory, SystemSpec

__all__ = ["SourceOptions", "run_systems"]

#: Called after each frame of each system, with the system's name and class names.
Watch = Callable[[str, tuple[str, ...], Frame, FrameResult], None]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """A source as the user names it.

    Attributes
    ----------
    name
        See `open_source`.
    topic, ground_truth, frames, seed
        Likewise; ``frames`` also cuts sources that are longer.
    class_map
        From the detector's class names to the data set's.
    """

    name: str
    topic: str | None = None
    ground_truth: str | None = None
    frames: int | None = None
    seed: int = 0
    class_map: Mapping[str, str | None] = field(default_factory=dict)

    def open(self) -> FrameSource:
        """See `open_source`."""
        return open_source(self.name, self.topic, self.frames, self.seed, self.ground_truth)


class _Contention:
    """Starts and stops contention on this machine as the frames go by."""

    def __init__(self, steps: Mapping[int, Mapping[str, float]], stack: ExitStack) -> None:
        self._steps = {
            frame: ContentionLevel(int(amounts["cpu_cores"]), **{
                name: float(amounts[name]) for name in NO_CONTENTION if name != "cpu_cores"
            })
            for frame, amounts in steps.items()
        }  # fmt: skip
        self._stack = stack.enter_context(ExitStack())

    def prepare(self, frame: int) -> None:
        level = self._steps.get(frame)
        if level is not None:
            self._stack.close()
            if level != ContentionLevel():
                self._stack.enter_context(ContentionGenerator(level))


def _conditions(
    scenario: Scenario, spec: SystemSpec, machine: RecordedMachine | None
) -> Conditions:
    """Steps with the beginning, and contention as numbers of levels."""
    sla = spec.options.sla
    slas = {0: sla} | {
        frame: replace(sla, latency_ms=ms) for frame, ms in scenario.sla_steps.items()
    }
    if machine is not None:
        steps = {0: NO_CONTENTION} | dict(scenario.contention_steps)
        levels = {frame: machine.level_of(amounts) for frame, amounts in steps.items()}
    elif scenario.contention_steps:
        numbers = _numbers(scenario)
        steps = {0: NO_CONTENTION} | dict(scenario.contention_steps)
        levels = {frame: numbers.index(dict(amounts)) for frame, amounts in steps.items()}
    else:
        levels = {}
    return Conditions(slas, levels, scenario.camera)


def _numbers(scenario: Scenario) -> list[dict[str, float]]:
    """Different amounts of contention in the order in which they come, none first."""
    numbers: list[dict[str, float]] = [dict(NO_CONTENTION)]
    for amounts in scenario.contention_steps.values():
        if dict(amounts) not in numbers:
            numbers.append(dict(amounts))
    return numbers


def _level_of_each_frame(
    scenario: Scenario, machine: RecordedMachine | None, count: int
) -> Sequence[int]:
    if machine is None:
        return (0,)
    steps = {0: NO_CONTENTION} | dict(scenario.contention_steps)
    levels = Conditions({}, {f: machine.level_of(a) for f, a in steps.items()})
    return [levels.level(frame) for frame in range(max(count, 1))]


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
    levels = _level_of_each_frame(scenario, machine, count)
    factory = factory or SystemFactory(machine)
    built = [
        factory.build(replace(spec, options=replace(spec.options, image_size=size)), levels)
        for spec in specs
    ]
    with ExitStack() as stack:
        contention = _Contention({} if machine else scenario.contention_steps, stack)
        drivers = [_driver(system, options, source, scenario, machine) for system in built]
        position = 0
        entry: LabelledFrame | None = first
        while entry is not None:
            contention.prepare(position)
            turn = position % len(drivers)
            for index in [*range(turn, len(drivers)), *range(turn)]:
                result = drivers[index].feed(entry)
                if result is not None:
                    watch(specs[index].name, built[index].class_names, *result)
            entry = next(entries, None)
            position += 1
        return [driver.finish() for driver in drivers]


def _driver(
    system: BuiltSystem,
    options: SourceOptions,
    source: FrameSource,
    scenario: Scenario,
    machine: RecordedMachine | None,
) -> Driver:
    class_map = ClassMap(system.class_names, source.class_names, options.class_map)
    metadata: dict[str, Any] = {
        "system": system.spec.name,
        "source": source.name,
        "source_name": options.name,
        "topic": options.topic,
        "fps": source.fps,
        "configuration": system.spec.to_dict(),
        "network": system.kernel.detector.description,
        "score_floor": system.spec.options.score_threshold,
        "levels": machine.levels if machine else _numbers(scenario),
        "clock": "recorded latencies" if machine else "this machine",
        "environment": environment(),
    }
    return Driver(system.system, _conditions(scenario, system.spec, machine), class_map, metadata)


def record_folder(out: Path, record: RunRecord) -> Path:
    """Where a record is kept: a folder for its source, and one in it for its system."""
    names = (record.metadata["source"], record.metadata["system"])
    parts = ["".join(c if c.isalnum() or c in "-_." else "_" for c in name) for name in names]
    return out.joinpath(*parts)
