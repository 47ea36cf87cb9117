"""``approx-perception profile``: learn on this machine what branches cost and are worth."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from approx_perception.branches import BranchSpace
from approx_perception.cli._console import console, progress_bar
from approx_perception.cli._evaluation import kernel_of
from approx_perception.cli._verb import verb
from approx_perception.clock import MonotonicClock
from approx_perception.datasets import FrameSource
from approx_perception.datasets.synthetic import SCENARIOS
from approx_perception.exceptions import ConfigurationError
from approx_perception.files import claimed, read_json_table
from approx_perception.notices import notice

if TYPE_CHECKING:
    from approx_perception.assembly import (
        KernelOptions,
    )
    from approx_perception.assembly.measuring import Scene
    from approx_perception.datasets.class_map import ClassTable
    from approx_perception.detectors import Detector
    from approx_perception.latency.records import ProfileRecords
    from approx_perception.profiling.plan import ProfilePlan
    from approx_perception.profiling.profiler import (
        Profiler,
    )

__all__ = ["profile"]

#: By default, videos of each synthetic scenario that the shipped network was not trained on: many
#: and short, for frames of one video tell nearly the same.
_VIDEOS = 7
_DEFAULT_DATA = [f"synthetic:{name}:val:{seed}" for name in SCENARIOS for seed in range(_VIDEOS)]


@verb
def profile(
    out: Path, data: list[str] | None, ground_truth: list[str] | None, class_map: Path | None,
    frames: int, max_image_px: int, rounds: int, plan_only: bool, overwrite: bool,
    **words: Any,
) -> None:  # fmt: skip
    """Measure a space on this machine and fit the predictors that --profile of others takes.

    Latency of every part of the space, also while cores and memory are kept busy; switching;
    accuracy of every branch by content. Leave the machine alone meanwhile. Can be stopped at
    any time; the same command goes on. Data without ground truth give latency alone. Leaves
    NAME.json and NAME.npz (the predictors) and NAME.records.json and .npz (what was measured).
    """
    if out.suffix != ".json":
        raise ConfigurationError(f"--out is {str(out)!r}; it must end in .json")
    with claimed(out) as place:
        _check_target(place, overwrite)
        _profile(
            place,
            kernel_of(words),
            _Data(data or _DEFAULT_DATA, ground_truth or [], class_map, frames, max_image_px),
            rounds,
            plan_only,
        )


@dataclass(frozen=True, slots=True)
class _Data:
    """Options of what is profiled."""

    names: list[str]
    truths: list[str]
    class_map: Path | None
    frames: int
    max_image_px: int

    def open(self) -> dict[str, FrameSource]:
        from approx_perception.evaluation.sources import sources_of

        options = sources_of(
            self.names, None, self.truths, self.frames, 0, self.class_map, self.max_image_px
        )
        return {each.name: each.open() for each in options}

    def identity(self, table: ClassTable) -> dict[str, Any]:
        """What tells these data from others."""
        more = {
            "ground_truth": self.truths,
            "class_map": [*table.names.items(), *table.numbers.items()],
        }
        named = {key: value for key, value in more.items() if value}
        return {"data": self.names, "frames_per_source": self.frames, **named}


def _check_target(out: Path, overwrite: bool) -> None:
    """Refuse files that are there, whichever of the four, and replace none but profiles."""
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


def _profile(out: Path, options: KernelOptions, data: _Data, rounds: int, plan_only: bool) -> None:
    """Check everything, say what will be done, and do it."""
    from approx_perception.assembly import load_network, load_space, prepare_space
    from approx_perception.assembly.idleness import busy_now
    from approx_perception.datasets.class_map import ClassTable, read_class_map
    from approx_perception.detectors import DetectorSettings
    from approx_perception.profiling.data import check_snippets, have_truth
    from approx_perception.profiling.plan import ProfilePlan, contention_levels
    from approx_perception.profiling.profiler import Profiler, scenes_found, scenes_of
    from approx_perception.profiling.recording import estimate_seconds, partial_folder

    branch_space = load_space(options.space, options.family)
    table = read_class_map(data.class_map) if data.class_map else ClassTable()
    translations = table.names
    sources = data.open()
    has_truth = have_truth(sources, data.frames)
    with console.status(f"loading {options.family}"):
        network, num_threads = load_network(options)
        trackers = prepare_space(branch_space, network)
    if has_truth:
        check_snippets(sources, data.frames, network.class_names, translations)
    else:
        notice(
            "the data have no ground truth: only latency is profiled; what branches are worth is "
            "taken from what ships with the weights"
        )
    counts = [min(source.frame_count or data.frames, data.frames) for source in sources.values()]
    plan = ProfilePlan(
        contention_levels(network.device.startswith("cuda")), rounds,
        frames=sum(counts) if has_truth else 0,
    )  # fmt: skip
    identity_of = partial(
        _identity, num_threads=num_threads, space=branch_space, data=data.identity(table),
        plan=plan,
    )  # fmt: skip
    network = _as_begun(network, options, out, identity_of)
    identity = identity_of(network)
    excerpts = list(sources.values())
    if has_truth:
        scenes = scenes_of(excerpts, plan.scenes)
    else:
        largest = DetectorSettings(*branch_space.detector_settings[-1])
        scenes = scenes_found(network, largest, excerpts, plan.scenes)
    folder = partial_folder(out, identity)
    _tell_begun(out, folder)
    if reasons := busy_now():
        notice(
            f"this machine is busy ({reasons}); stop what else runs: a profile is of an idle one"
        )
    profiler = Profiler(
        network, trackers, branch_space, sources, data.frames, plan, folder, MonotonicClock(),
        translations, has_truth,
    )  # fmt: skip
    with console.status("preheating, and trying every part"):
        seconds = estimate_seconds(profiler, scenes)
    _show_plan(profiler, seconds)
    if not plan_only:
        _measure(profiler, scenes, identity, out)


def _measure(
    profiler: Profiler, scenes: Sequence[Scene], identity: Mapping[str, Any], out: Path
) -> None:
    """Record, fit, and leave the files."""
    from approx_perception.assembly.idleness import busy_sentence
    from approx_perception.profiling.fit_profile import fit_profile

    records = _record(profiler, scenes, identity)
    # Before anything is written: what cannot be fitted must not take the name.
    bundle, accuracy = fit_profile(records)
    records.save(out.with_suffix(".records.json"))
    bundle.save(out)
    shutil.rmtree(profiler.folder)
    if accuracy is not None:
        errors = ", ".join(f"{name} {error:.3f}" for name, error in accuracy.errors.items())
        console.print(f"mean error of AP50 on sources left out: {errors}")
    if reasons := busy_sentence(records.metadata["idleness"]):
        notice(f"the profile was made on a busy machine ({reasons}); make it again on an idle one")
    console.print(f"the profile is in {out}; give it to run, demo and the node as --profile")


def _tell_begun(out: Path, folder: Path) -> None:
    """Say what interrupted runs left."""
    if folder.is_dir():
        console.print(f"going on with what {folder} holds", soft_wrap=True)
    for other in sorted(_begun(out) - {folder}):
        console.print(
            f"{other} is of an interrupted profile with other options; it is left alone",
            soft_wrap=True,
        )


def _begun(out: Path) -> set[Path]:
    """Folders of runs that were interrupted."""
    return set(out.parent.glob(out.with_suffix(".partial-*").name))


def _as_begun(
    network: Detector,
    options: KernelOptions,
    out: Path,
    identity_of: Callable[[Detector], dict[str, Any]],
) -> Detector:
    """The network in the precision that an interrupted run of the same began with, if there is one.

    ``auto`` goes by stopwatch, and may have chosen another one today.
    """
    from approx_perception.assembly import load_network
    from approx_perception.detectors.faster_rcnn.precision import PRECISIONS
    from approx_perception.profiling.recording import partial_folder

    begun = _begun(out)
    if not begun or options.precision != "auto":
        return network
    others = (each for each in PRECISIONS if each not in ("auto", network.precision))
    candidates = chain([network], (load_network(options, each)[0] for each in others))
    started = (each for each in candidates if partial_folder(out, identity_of(each)) in begun)
    return next(started, network)


def _identity(
    network: Detector, num_threads: int, space: BranchSpace, data: Mapping[str, Any],
    plan: ProfilePlan,
) -> dict[str, Any]:  # fmt: skip
    """What a profile is of: what was measured goes on only with the same."""
    from approx_perception.assembly import machine_name

    return {
        "network": network.fingerprint,
        "machine": machine_name(network, num_threads),
        "precision": network.precision,
        "space": space.to_dict(),
        "space_hash": space.hash,
        **data,
        "levels": [asdict(level) for level in plan.levels],
        "rounds": plan.rounds,
    }


def _show_plan(profiler: Profiler, seconds: Mapping[str, float]) -> None:
    """Say what will be done and how long all of it will take."""
    plan = profiler.plan
    table = Table("stage", "work", "about", title=f"profile of space {profiler.space.name!r}")
    levels = ", ".join(str(level) for level in plan.levels)
    table.add_row("latency", f"{plan.rounds} rounds: {levels}", f"{seconds['latency']:.0f} s")
    table.add_row("switching", f"{plan.tours} tours of all pairs", f"{seconds['switching']:.0f} s")
    table.add_row(
        "accuracy",
        f"{len(profiler.space)} branches, {plan.frames} frames of {len(profiler.sources)} sources"
        f"{seconds['accuracy']:.0f} s",
    )
    console.print(table)
    console.print(f"about {sum(seconds.values()) / 60:.1f} minutes, without what is done already")


def _record(
    profiler: Profiler, scenes: Sequence[Scene], identity: Mapping[str, Any]
) -> ProfileRecords:
    from approx_perception.profiling.recording import record_profile

    with progress_bar() as progress:
        task = progress.add_task("profiling", total=profiler.unit_count)

        def report(message: str, done: float) -> None:
            progress.update(task, description=message, advance=done)

        return record_profile(profiler, scenes, identity, report)
