"""What evaluate and compare do: run systems over sources, and leave results in a folder."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approx_perception.assembly.options import check_target
from approx_perception.evaluation.batch import FINISHED, Job, Outcome, run_jobs
from approx_perception.evaluation.result import comparison_table, result_of
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.files import replace_text
from approx_perception.metrics.limits import check_limits
from approx_perception.metrics.record_files import read_record
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.truth_use import unused_truth

__all__ = ["Evaluation", "conclude", "evaluate"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What came of systems on sources.

    Attributes
    ----------
    result
        Content of ``result.json``; see `result_of`.
    records
        ``{system: its runs}``.
    table
        Markdown that compares the systems; empty where nobody asked for it.
    """

    result: dict[str, Any]
    records: Mapping[str, Sequence[RunRecord]]
    table: str

    @property
    def failures(self) -> list[str]:
        """Sources that could not be run, or of whose named truth nothing was used, and why."""
        return list(self.result["failures"])

    @property
    def limits_kept(self) -> bool:
        """Whether all systems kept all limits of the scenario."""
        return all(all(own["limits"].values()) for own in self.result["systems"].values())


def evaluate(
    specs: Sequence[SystemSpec],
    sources: Sequence[SourceOptions],
    scenario: Scenario,
    folder: Path,
    trace: Path | None = None,
    export: bool = False,
    processes: int = 1,
    ray: str | None = None,
    repeats: int = 1,
    compares: bool = False,
    made: Mapping[str, str] | None = None,
    report: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Run systems over sources, and leave ``result.json`` and a record of each run.

    Parameters
    ----------
    specs
        Systems, each with a name of its own.
    sources, scenario
        What they are run on, and subjected to.
    folder
        Where to write; what an interrupted evaluation of the same left there is not run again.
    trace
        Records of a profile whose latencies are replayed; None for this machine's own.
    export
        Whether to write MOT and COCO files and bags too.
    processes, ray
        See `run_jobs`.
    repeats
        Times that all sources are run.
    compares
        Whether to write ``table.md`` too, which compares the systems with the first one.
    made
        How the result was made, for people: the command, and when.
    report
        Called after each source.

    Raises
    ------
    ConfigurationError
        If two systems have one name, no source could be run, saying why, they are of two tasks, a
        limit is of a figure of another task, or an accuracy is asked for that no system heeds.
    """
    counts = Counter(spec.name for spec in specs)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ConfigurationError(
            f"two systems have the same name: {shown(twice[0])} is there {counts[twice[0]]} times"
        )
    tasks = sorted({spec.options.task for spec in specs})
    if len(tasks) > 1:
        raise ConfigurationError(
            f"systems for {' and for '.join(tasks)} cannot be compared; compare those of one task"
        )
    for task in tasks:
        check_limits(scenario.limits, task)
    for spec in specs:
        check_target(spec.options.sla, [own.options.policy for own in specs])
    outcomes: list[Outcome] = []
    for turn in range(repeats):
        place = folder if repeats == 1 else folder / f"repeat{turn + 1}"
        jobs = [Job(tuple(specs), source, scenario, trace, place, export) for source in sources]
        outcomes += run_jobs(jobs, processes, ray, report)
    return conclude(outcomes, scenario, folder, made, compares)


def conclude(
    outcomes: Sequence[Outcome],
    scenario: Scenario,
    folder: Path,
    made: Mapping[str, str] | None = None,
    compares: bool = False,
) -> Evaluation:
    """Judge what runs left, and write ``result.json``.

    Parameters
    ----------
    outcomes
        Of all runs.
    scenario
        Whose limits are held against the figures.
    folder, made, compares
        See `evaluate`.

    Raises
    ------
    ConfigurationError
        If no source could be run, saying why.
    """
    records: dict[str, list[RunRecord]] = {}
    for place in (place for places, _ in outcomes for place in places):
        record = read_record(place)
        records.setdefault(record.metadata["system"], []).append(record)
    if not records:
        raise ConfigurationError("; ".join(error for _, error in outcomes) or "there is no source")
    every = (record for own in records.values() for record in own)
    failures = [*(error for _, error in outcomes if error), *dict.fromkeys(unused_truth(every))]
    result = result_of(records, scenario.limits, failures) | {"made": dict(made or {})}
    table = ""
    if compares:
        table = comparison_table(records, result)
        replace_text(folder / "table.md", table)
    replace_text(folder / "result.json", json.dumps(result, indent=1) + "\n")
    for finished in list(folder.rglob(FINISHED)):
        shutil.rmtree(finished, ignore_errors=True)
    return Evaluation(result, records, table)
