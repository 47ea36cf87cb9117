"""A profiling run from beginning to end: how long it will take, and the records it leaves."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.assembly.idleness import idleness_of
from approx_perception.assembly.measuring import PartTimer
from approx_perception.clock import Clock
from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.kernels import Kernel
from approx_perception.latency.records import ProfileRecords
from approx_perception.machine import versions
from approx_perception.profiling.profiler import Clip, Profiler, Report, join_units
from approx_perception.profiling.side_by_side import slowdowns_beside
from approx_perception.simulation.replay import replay_all
from approx_perception.structures import Frame

__all__ = ["estimate_seconds", "partial_folder", "record_profile"]

#: Comparing an output with the truth of a frame.
_COMPARING_S = 0.0004


def partial_folder(out: Path, identity: Mapping[str, Any]) -> Path:
    """Folder for the finished units of this very run; another run has another one.

    Parameters
    ----------
    out
        Profile that will be written.
    identity
        All that the run measures and how.
    """
    digest = hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()[:8]
    return out.with_suffix(f".partial-{digest}")


def estimate_seconds(profiler: Profiler, clips: Sequence[Clip]) -> dict[str, float]:
    """Preheat, try everything once, and say how long each stage will take; see the plan."""
    kernel, clock, clip = profiler.kernel, profiler.clock, clips[0]
    timer = PartTimer(kernel, clock)
    timer.preheat(clip)
    start_ns = clock.monotonic_ns()
    columns = timer.time(clip)
    clip_s = (clock.monotonic_ns() - start_ns) / 1e9
    starting = kernel.space.compiled.main_parts[0]
    own_ms = [float(columns["ms"][columns["part"] == part].mean()) for part in starting]
    starts_s = len(starting) * sum(own_ms) / 1e3
    return profiler.plan.seconds(clip_s, starts_s, _accuracy_frame_s(kernel, clip, clock))


def _accuracy_frame_s(kernel: Kernel, clip: Clip, clock: Clock) -> float:
    """Of a frame of which all branches are replayed and compared with the truth."""
    frames = [LabelledFrame(Frame(image, i, "clip", i), None) for i, image in enumerate(clip)]
    compared = 0

    def match(frame: int, output: Any) -> None:
        nonlocal compared
        compared += 1

    start_ns = clock.monotonic_ns()
    for _ in replay_all(kernel, frames, match):
        pass
    seconds = (clock.monotonic_ns() - start_ns) / 1e9
    return (seconds + compared * _COMPARING_S) / len(frames)


def record_profile(
    profiler: Profiler, clips: Sequence[Clip], identity: Mapping[str, Any], report: Report
) -> ProfileRecords:
    """Run all stages; units that an earlier run finished are read, not measured again.

    Parameters
    ----------
    profiler
        What to measure.
    clips
        That latencies are measured on.
    identity
        Goes into the metadata; its ``levels`` are those of the plan.
    report
        Called with what is being done and the units just done.
    """
    profiler.folder.mkdir(parents=True, exist_ok=True)
    visits = profiler.measure_latency(clips, report)
    tours = profiler.measure_switching(clips, report)
    accuracy = join_units(profiler.measure_accuracy(report)) if profiler.has_truth else {}
    load = np.concatenate([visit.pop("load") for visit in visits])
    levels = [
        {**level, **_mean_load(load[load[:, 0] == index])}
        for index, level in enumerate(identity["levels"])
    ]
    latency = join_units([*visits, *tours])
    report("side by side", 0)
    kernel = profiler.kernel
    metadata = {
        **identity,
        "idleness": idleness_of(latency, load),
        "levels": levels,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {**versions(), "kernel": kernel.description},
        "beside": slowdowns_beside(kernel, clips[0], profiler.clock),
        "data_hash": _data_hash(profiler.sources, profiler.frames_per_source),
    }
    return ProfileRecords(metadata, latency, accuracy)


def _mean_load(rows: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Mean reading of a level; null where nobody told."""
    return {
        name: float(column.mean()) if np.isfinite(column).all() else None
        for name, column in zip(("cpu_others", "gpu_others"), rows[:, 1:].T, strict=True)
    }


def _data_hash(sources: Mapping[str, FrameSource], frames: int) -> str:
    """Fingerprint of the first and the last frame of each source that was used."""
    digest = hashlib.sha256()
    for name, source in sources.items():
        digest.update(name.encode())
        last: Any = None
        for index, entry in enumerate(source):
            if index == 0:
                digest.update(entry.frame.image.tobytes())
            if index == frames:
                break
            last = entry.frame.image
        digest.update(last.tobytes())
    return digest.hexdigest()[:16]
