"""What a record says of its run beside the frames."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from approx_perception.datasets import FrameSource
from approx_perception.evaluation.conditions import level_numbers
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions, good_for_a_folder
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.evaluation.systems import BuiltSystem
from approx_perception.machine import environment
from approx_perception.metrics.record_files import write_record
from approx_perception.metrics.run_record import RunRecord

__all__ = ["run_metadata", "save_record", "system_metadata"]


def run_metadata(
    spec: SystemSpec,
    network: str,
    options: SourceOptions,
    source: FrameSource,
    levels: Sequence[Mapping[str, float]],
    clock: str,
) -> dict[str, Any]:
    """Plain JSON: system, task, source, configuration, network, levels of contention, versions."""
    return {
        "system": spec.name,
        "task": spec.options.task,
        "source": options.label,
        "source_name": options.public_name,
        "topic": options.topic,
        "fps": source.fps,
        "configuration": spec.to_dict(),
        "network": network,
        "score_floor": spec.options.score_threshold,
        "levels": [dict(level) for level in levels],
        "clock": clock,
        "environment": environment(),
    }


def system_metadata(
    system: BuiltSystem,
    options: SourceOptions,
    source: FrameSource,
    scenario: Scenario,
) -> dict[str, Any]:
    """`run_metadata` of a system that runs in this process, and whether it had time."""
    machine = system.recorded
    metadata = run_metadata(
        system.spec, system.network.kernel.description, options, source,
        machine.levels if machine else level_numbers(scenario),
        "recorded latencies" if machine else "this machine",
    )  # fmt: skip
    return {**metadata, "has_time": scenario.camera}


def save_record(out: Path, record: RunRecord) -> Path:
    """Save in a folder for the source, and one in it for the system; returns that one."""
    names = (record.metadata["source"], record.metadata["system"])
    folder = out.joinpath(*map(good_for_a_folder, names))
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, record)
    return folder
