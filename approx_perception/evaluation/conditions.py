"""From a scenario to what each frame is subjected to."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from approx_perception.evaluation.scenario import NO_CONTENTION, Scenario
from approx_perception.evaluation.systems import RecordedMachine, SystemSpec
from approx_perception.pipeline.driver import Conditions
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel

__all__ = [
    "SteppedContention",
    "conditions_of",
    "level_numbers",
    "level_of_each_frame",
]


class SteppedContention:
    """Starts and stops contention on this machine as the frames go by.

    Parameters
    ----------
    steps
        ``{first frame: amounts}``; see `Scenario`.
    stack
        Ends it.
    """

    def __init__(self, steps: Mapping[int, Mapping[str, float]], stack: ExitStack) -> None:
        self._steps = {
            frame: ContentionLevel(int(amounts["cpu_cores"]), **{
                name: float(amounts[name]) for name in NO_CONTENTION if name != "cpu_cores"
            })
            for frame, amounts in steps.items()
        }  # fmt: skip
        self._stack = stack.enter_context(ExitStack())

    def prepare(self, frame: int) -> None:
        """Call before each frame is processed."""
        level = self._steps.get(frame)
        if level is not None:
            self._stack.close()
            if level != ContentionLevel():
                self._stack.enter_context(ContentionGenerator(level))


def conditions_of(
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
        numbers = level_numbers(scenario)
        steps = {0: NO_CONTENTION} | dict(scenario.contention_steps)
        levels = {frame: numbers.index(dict(amounts)) for frame, amounts in steps.items()}
    else:
        levels = {}
    return Conditions(slas, levels, scenario.camera)


def level_numbers(scenario: Scenario) -> list[dict[str, float]]:
    """Different amounts of contention in the order in which they come, none first."""
    numbers: list[dict[str, float]] = [dict(NO_CONTENTION)]
    for amounts in scenario.contention_steps.values():
        if dict(amounts) not in numbers:
            numbers.append(dict(amounts))
    return numbers


def level_of_each_frame(
    scenario: Scenario, machine: RecordedMachine | None, count: int
) -> Sequence[int]:
    """``(count,)`` level of a recorded machine for each frame, at least one."""
    if machine is None:
        return (0,)
    steps = {0: NO_CONTENTION} | dict(scenario.contention_steps)
    levels = Conditions({}, {f: machine.level_of(a) for f, a in steps.items()})
    return [levels.level(frame) for frame in range(max(count, 1))]
