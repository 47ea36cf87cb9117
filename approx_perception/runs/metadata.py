"""What a record says of its run beside the frames."""

from pathlib import Path
from typing import Any

from approx_perception.datasets import FrameSource
from approx_perception.evaluation.run_record import RunRecord
from approx_perception.evaluation.scenario import Scenario
from approx_perception.reports.run_files import environment
from approx_perception.runs.conditions import level_numbers
from approx_perception.runs.sources import SourceOptions, good_for_a_folder
from approx_perception.systems import BuiltSystem, RecordedMachine

__all__ = ["record_folder", "run_metadata"]


def run_metadata(
    system: BuiltSystem,
    options: SourceOptions,
    source: FrameSource,
    scenario: Scenario,
    machine: RecordedMachine | None,
) -> dict[str, Any]:
    """Plain JSON: system, source, configuration, network, levels of contention, versions."""
    return {
        "system": system.spec.name,
        "source": options.label,
        "source_name": options.name,
        "topic": options.topic,
        "fps": source.fps,
        "configuration": system.spec.to_dict(),
        "network": system.kernel.detector.description,
        "score_floor": system.spec.options.score_threshold,
        "levels": machine.levels if machine else level_numbers(scenario),
        "clock": "recorded latencies" if machine else "this machine",
        "environment": environment(),
    }


def record_folder(out: Path, record: RunRecord) -> Path:
    """Where a record is kept: a folder for its source, and one in it for its system."""
    names = (record.metadata["source"], record.metadata["system"])
    return out.joinpath(*map(good_for_a_folder, names))
