"""Many sources: one job each, in this process, in several, or on a Ray cluster."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from approx_perception.datasets import FrameSource
from approx_perception.evaluation.metadata import save_record
from approx_perception.evaluation.ray_cluster import attempts_on_ray
from approx_perception.evaluation.run import run_systems
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.evaluation.systems import BuiltSystem, RecordedMachine
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.files import read_json, replace_text
from approx_perception.latency.records import ProfileRecords
from approx_perception.pipeline.driver import Listener
from approx_perception.reports.exports import ResultFiles

__all__ = ["FINISHED", "Job", "Outcome", "run_jobs"]

#: Folder, inside that of the results, which tells the jobs that are done.
FINISHED = ".finished"
#: Folders of the records that a job left, and what went wrong.
Outcome = tuple[list[Path], str]


@dataclass(frozen=True, slots=True)
class Job:
    """One source under all systems; plain, so that it can go to another process.

    Attributes
    ----------
    specs, source, scenario
        See `run_systems`.
    trace
        Records of a profile whose latencies are replayed; None for this machine's own.
    folder
        Gets a folder for each record.
    export
        Whether to write files in other people's formats too.
    """

    specs: tuple[SystemSpec, ...]
    source: SourceOptions
    scenario: Scenario
    trace: Path | None
    folder: Path
    export: bool

    @property
    def marker(self) -> Path:
        """File that is there when the job is done."""
        digest = hashlib.sha256(repr(replace(self, folder=Path())).encode()).hexdigest()[:16]
        return self.folder / FINISHED / f"{digest}.json"


def _run(job: Job) -> list[Path]:
    """Run and save; returns the records' folders."""
    machine = RecordedMachine(ProfileRecords.load(job.trace)) if job.trace else None
    with ResultFiles(job.folder / job.source.label) as files:

        def listen(system: BuiltSystem, _: FrameSource) -> Sequence[Listener]:
            if not job.export:
                return []
            return files.listeners(system.spec.name, system.network.kernel.task, system.class_names)

        records = run_systems(job.specs, job.source, job.scenario, machine, listen=listen)
        folders = []
        for record in records:
            folders.append(save_record(job.folder, record))
            if job.export:
                files.finish(folders[-1], record)
    return folders


def attempt(job: Job) -> Outcome:
    """Run, unless that is done; a failure of one source is told and leaves the others alone."""
    try:
        if job.marker.exists():
            names = read_json(job.marker, "list of finished runs")
            return [job.folder / name for name in names], ""
        folders = _run(job)
        job.marker.parent.mkdir(parents=True, exist_ok=True)
        names = [str(folder.relative_to(job.folder)) for folder in folders]
        replace_text(job.marker, json.dumps(names))
        return folders, ""
    except ApproxPerceptionError as error:
        return [], f"{job.source.label}: {error}"


def _attempt_apart(job: Job) -> Outcome:
    """Run in a process of its own, which takes nobody with it when it dies."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(attempt, job).result()
        except BrokenProcessPool as error:
            return [], f"{job.source.label}: its process died: {error}"


def run_jobs(
    jobs: Sequence[Job],
    processes: int = 1,
    ray: str | None = None,
    report: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Run all jobs; the outcomes are in their order and the same wherever they ran.

    Parameters
    ----------
    jobs
        To run.
    processes
        Jobs at the same time; 1: in this process.
    ray
        Address of a Ray cluster to run them on instead, or ``local``.
    report
        Called after each job.

    Raises
    ------
    ConfigurationError
        If Ray is not there.
    """
    outcomes = []
    with ThreadPoolExecutor(max(processes, 1)) as threads:
        results: Iterable[Outcome]
        if ray is not None:
            results = attempts_on_ray(attempt, jobs, ray)
        elif processes > 1:
            results = threads.map(_attempt_apart, jobs)
        else:
            results = map(attempt, jobs)
        for outcome in results:
            outcomes.append(outcome)
            report()
    return outcomes
