"""A profiling session: from data and a network to predictors, interrupted as often as one likes."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from approx_perception.assembly import (
    KernelOptions,
    load_network,
    load_space,
    machine_name,
    space_of,
)
from approx_perception.assembly.idleness import busy_now, busy_sentence
from approx_perception.assembly.tasks import NeuralNetwork, Task, task_of
from approx_perception.clock import MonotonicClock
from approx_perception.datasets import FrameSource
from approx_perception.datasets.class_map import ClassTable
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import read_json_table
from approx_perception.notices import notice
from approx_perception.profiling.data import enough_frames, have_truth
from approx_perception.profiling.fit_profile import fit_profile
from approx_perception.profiling.learners.by_task import learner_of
from approx_perception.profiling.plan import ProfilePlan, contention_levels
from approx_perception.profiling.profiler import Clip, Profiler, Report, clips_of
from approx_perception.profiling.recording import estimate_seconds, partial_folder, record_profile

__all__ = ["ProfileData", "ProfileSession", "check_target"]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class ProfileData:
    """What is profiled on.

    Attributes
    ----------
    sources
        By the names that the user gave.
    frames
        Of each source; those beyond are left out. None for as few as accuracy needs.
    truths
        Ground truth as the user named it.
    class_map
        From the network's class names to the data's.
    """

    sources: Mapping[str, FrameSource]
    frames: int | None
    truths: Sequence[str] = ()
    class_map: ClassTable = field(default_factory=ClassTable)

    @property
    def identity(self) -> dict[str, Any]:
        """What tells these data from others."""
        more = {
            "ground_truth": list(self.truths),
            "class_map": [*self.class_map.names.items(), *self.class_map.numbers.items()],
        }
        named = {key: value for key, value in more.items() if value}
        return {"data": list(self.sources), "frames_per_source": self.frames, **named}

    def frame_count(self) -> int:
        """Frames of all sources; ``frames`` must be known."""
        most = self.frames or 0
        return sum(min(source.frame_count or most, most) for source in self.sources.values())


def check_target(out: Path, overwrite: bool) -> None:
    """Refuse files that are there, whichever of the four, and replace none but profiles.

    Raises
    ------
    ConfigurationError
        Naming the file.
    """
    if out.suffix != ".json":
        raise ConfigurationError(f"--out is {out.name!r}; it must end in .json")
    records = out.with_suffix(".records.json")
    files = [out, out.with_suffix(".npz"), records, records.with_suffix(".npz")]
    there = [path for path in files if os.path.lexists(path)]
    if there and not overwrite:
        raise ConfigurationError(f"{there[0]} exists; name another file or give --overwrite")
    # An interruption may have left one of both pairs.
    for path in there:
        if not _is_profile(path.with_suffix(".json")):
            raise ConfigurationError(
                f"{path} is of no profile and is left alone; name another file as --out"
            )


def _is_profile(out: Path) -> bool:
    try:
        content = read_json_table(out, "profile to replace")
    except ConfigurationError:
        return False
    return str(content.get("format")).startswith("approx_perception")


@dataclass(frozen=True, slots=True, eq=False)
class ProfileSession:
    """A profile that can be made.

    Attributes
    ----------
    out
        ``NAME.json`` to write; the other files stand beside it.
    profiler, clips
        What measures, and what latencies are measured on.
    identity
        What the profile is of: what was measured goes on only with the same.
    """

    out: Path
    profiler: Profiler
    clips: Sequence[Clip]
    identity: Mapping[str, Any]

    @classmethod
    def prepare(
        cls, out: Path, options: KernelOptions, data: ProfileData, rounds: int, tell: Tell
    ) -> "ProfileSession":
        """Load the network and check everything.

        Parameters
        ----------
        out
            See the class; checked by `check_target`.
        options
            Network and space.
        data
            What is profiled on; without ground truth, latency alone is.
        rounds
            Times that each level of contention is visited.
        tell
            Called with a line on the runtime, and on what interrupted sessions left.

        Raises
        ------
        ApproxPerceptionError
            If the data, the space or the network cannot be used.
        """
        task = task_of(options)
        load_space(options.space, task.family(options), task.name)
        learner = learner_of(task.name)
        has_truth = have_truth(data.sources, data.frames or learner.least_frames)
        network, num_threads = load_network(options)
        if network.runtime_reason:
            tell(f"runtime: {network.runtime_reason}")
        space = space_of(options, network)
        names = data.class_map.names
        frames = data.frames or learner.snippet_frames
        if data.frames is None and tuple(data.sources) == learner.default_sources:
            # Known to be enough, without drawing them all.
            frames = learner.default_frames
        elif has_truth:
            frames = enough_frames(learner, data.sources, data.frames, network.class_names, names)
        else:
            notice(
                "the data have no ground truth: only latency is profiled; what branches are worth "
                "is taken from what ships with the weights"
            )
        data = replace(data, frames=frames)
        levels = contention_levels(network.device.startswith("cuda"))
        plan = ProfilePlan(levels, rounds, frames=data.frame_count() if has_truth else 0)
        clips = clips_of(list(data.sources.values()), plan.clips)
        identity = _identity(task, network, num_threads, space, data.identity, plan)
        folder = partial_folder(out, identity)
        _tell_begun(out, folder, tell)
        profiler = Profiler(
            task.kernel(network, space), data.sources, frames, plan, folder,
            MonotonicClock(), names, has_truth,
        )  # fmt: skip
        return cls(out, profiler, clips, identity)

    def estimate_seconds(self) -> dict[str, float]:
        """Try every part, and say how long each stage will take; notice where others are busy."""
        if reasons := busy_now():
            notice(
                f"this machine is busy ({reasons}); stop what else runs: a profile is of an idle "
                "one"
            )
        return estimate_seconds(self.profiler, self.clips)

    def measure(self, report: Report) -> str:
        """Measure, fit, and write the files.

        Parameters
        ----------
        report
            Called with what is being done and the units just done.

        Returns
        -------
        str
            What accuracy goes by and why; empty where latency alone was measured.

        Raises
        ------
        KeyboardInterrupt
            If the user ends it, saying where what was done lies and how to go on.
        """
        folder = self.profiler.folder
        try:
            records = record_profile(self.profiler, self.clips, self.identity, report)
        except KeyboardInterrupt as error:
            what = "nothing is measured yet"
            if any(folder.glob("*.npz")):
                what = f"what is measured is in {folder}; the same command goes on with it"
            raise KeyboardInterrupt(what) from error
        finally:
            # Stays where anything is measured.
            with suppress(OSError):
                folder.rmdir()
        # Before anything is written: what cannot be fitted must not take the name.
        bundle, accuracy = fit_profile(records)
        records.save(self.out.with_suffix(".records.json"))
        bundle.save(self.out)
        shutil.rmtree(folder)
        if reasons := busy_sentence(records.metadata["idleness"]):
            notice(
                f"the profile was made on a busy machine ({reasons}); make it again on an idle one"
            )
        return "" if accuracy is None else accuracy.words()


def _begun(out: Path) -> set[Path]:
    """Folders of sessions that were interrupted."""
    return set(out.parent.glob(out.with_suffix(".partial-*").name))


def _tell_begun(out: Path, folder: Path, tell: Tell) -> None:
    if folder.is_dir():
        tell(f"going on with what {folder} holds")
    for other in sorted(_begun(out) - {folder}):
        tell(f"{other} is of an interrupted profile with other options; it is left alone")


def _identity(
    task: Task, network: NeuralNetwork, num_threads: int, space: Any,
    data: Mapping[str, Any], plan: ProfilePlan,
) -> dict[str, Any]:  # fmt: skip
    return {
        "task": task.name,
        "network": network.fingerprint,
        "machine": machine_name(network, num_threads),
        "runtime": network.runtime,
        "precision": network.precision,
        "space": space.to_dict(),
        "space_hash": space.hash,
        **data,
        "levels": [asdict(level) for level in plan.levels],
        "rounds": plan.rounds,
    }
