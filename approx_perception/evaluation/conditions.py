"""From a scenario to what each frame is subjected to."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from approx_perception.evaluation.scenario import NO_CONTENTION, Scenario
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.evaluation.systems import RecordedMachine
from approx_perception.pipeline.driver import Conditions
from approx_perception.profiling.contention_generator import ContentionGenerator, ContentionLevel

__all__ = ["SteppedContention", "conditions_of", "level_numbers"]


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
        self._now = ContentionLevel()

    def prepare(self, frame: int) -> None:
        """Call before each frame is processed, with its number."""
        begun = [level for first, level in self._steps.items() if first <= frame]
        level = begun[-1] if begun else ContentionLevel()
        if level != self._now:
            self._stack.close()
            self._now = level
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
    return Conditions(slas, _levels(scenario, machine), scenario.camera)


def _levels(scenario: Scenario, machine: RecordedMachine | None) -> dict[int, int]:
    """``{first frame: level}``; empty where nothing is done to this machine."""
    steps = {0: NO_CONTENTION} | dict(scenario.contention_steps)
    if machine is not None:
        return {frame: machine.level_of(amounts) for frame, amounts in steps.items()}
    if not scenario.contention_steps:
        return {}
    numbers = level_numbers(scenario)
    return {frame: numbers.index(dict(amounts)) for frame, amounts in steps.items()}


def level_numbers(scenario: Scenario) -> list[dict[str, float]]:
    """Different amounts of contention in the order in which they come, none first."""
    numbers: list[dict[str, float]] = [dict(NO_CONTENTION)]
    for amounts in scenario.contention_steps.values():
        if dict(amounts) not in numbers:
            numbers.append(dict(amounts))
    return numbers
