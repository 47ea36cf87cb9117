"""Evaluate the real node: sources play over ROS, and what it publishes is recorded."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from approx_perception.assembly import load_network
from approx_perception.assembly.options import parameters_of
from approx_perception.assembly.tasks import task_of
from approx_perception.datasets import is_synthetic
from approx_perception.datasets.class_map import ClassMap
from approx_perception.evaluation.batch import Outcome
from approx_perception.evaluation.conditions import SteppedContention
from approx_perception.evaluation.metadata import run_metadata, save_record
from approx_perception.evaluation.scenario import NO_CONTENTION, Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.metrics.limits import check_limits
from approx_perception.metrics.truth_use import check_classes, truth_given
from approx_perception.notices import notice
from approx_perception.ros.live_run import play_live
from approx_perception.ros.tasks import NODE_TASKS

__all__ = ["evaluate_live"]

#: Played where the user does not say how much of a synthetic video.
_SYNTHETIC_FRAMES = 300


def evaluate_live(
    spec: SystemSpec,
    sources: Sequence[SourceOptions],
    scenario: Scenario,
    folder: Path,
    report: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Play each source through a node of its own; a failure of one leaves the others alone.

    Parameters
    ----------
    spec, sources, scenario, folder
        See `evaluation.evaluate.evaluate`.
    report
        Called with a line on what is being done.
    """
    check_limits(scenario.limits, spec.options.task)
    outcomes: list[Outcome] = []
    for source in sources:
        try:
            outcomes.append(([_play(spec, source, scenario, folder, report)], ""))
        except ApproxPerceptionError as error:
            outcomes.append(([], f"{source.name}: {error}"))
    return outcomes


def _play(
    spec: SystemSpec,
    options: SourceOptions,
    scenario: Scenario,
    folder: Path,
    report: Callable[[str], None],
) -> Path:
    source = replace(options, frames=options.frames or _SYNTHETIC_FRAMES).open()
    # The topics name only what was found.
    network, _ = load_network(spec.options)
    class_map = ClassMap(network.class_names, source.class_names, options.class_map.names)
    if network.caution and not is_synthetic(options.name):
        notice(network.caution)
    del network
    if options.ground_truth is not None:
        check_classes(class_map, source.truth_name)
    with ExitStack() as stack:
        logs = folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        record = play_live(
            NODE_TASKS[spec.options.task],
            parameters_of(spec.options),
            {"source": options.name, "topic": options.topic or "", "seed": options.seed,
             "frames": options.frames or _SYNTHETIC_FRAMES},
            source, logs,
            run_metadata(
                spec, task_of(spec.options).family(spec.options), options, source,
                [NO_CONTENTION, *scenario.contention_steps.values()],
                "this machine, live over ROS",
            ),
            class_map,
            _steps(scenario, stack), options.frames, report,
        )  # fmt: skip
    is_whole = options.frames is None or len(record) < options.frames
    record.metadata["truth"] = truth_given(
        source, class_map, options.ground_truth is not None, is_whole
    )
    return save_record(folder, record)


def _steps(
    scenario: Scenario, stack: ExitStack
) -> dict[int, Callable[[Any, Callable[[], None]], int]]:
    """What to do at which frame."""
    contention = SteppedContention(scenario.contention_steps, stack)
    level_now = 0
    frames = sorted({*scenario.sla_steps, *scenario.contention_steps})
    order = list(scenario.contention_steps)

    def step_at(frame: int) -> Callable[[Any, Callable[[], None]], int]:
        def step(recorder: Any, check: Callable[[], None]) -> int:
            nonlocal level_now
            if frame in scenario.sla_steps:
                recorder.set_parameters({"sla.latency_ms": scenario.sla_steps[frame]}, check)
            if frame in scenario.contention_steps:
                contention.prepare(frame)
                level_now = 1 + order.index(frame)
            return level_now

        return step

    return {frame: step_at(frame) for frame in frames}
