"""A profiling run from beginning to end: how long it will take, and the records it leaves."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception import __version__
from approx_perception.assembly.idleness import idleness_of
from approx_perception.assembly.measuring import LatencyRows, PartTimer, Scene
from approx_perception.datasets import FrameSource
from approx_perception.detectors import Detector
from approx_perception.latency.records import ProfileRecords
from approx_perception.profiling.profiler import Profiler, Report, join_units

__all__ = ["estimate_seconds", "partial_folder", "record_profile"]

_LIBRARIES = ("numpy", "opencv-contrib-python-headless", "torch", "torchvision", "onnxruntime")


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


def estimate_seconds(profiler: Profiler, scenes: Sequence[Scene]) -> dict[str, float]:
    """Preheat, try every part a few times, and say how long each stage will take; see the plan."""
    rows, space = LatencyRows(), profiler.space
    timer = PartTimer(profiler.detector, profiler.trackers, space, profiler.clock, rows)
    timer.preheat(scenes[0])
    # Weak detections are followed too, so that there are many.
    objects = scenes[0].objects.select(np.arange(16) % len(scenes[0].objects))
    for part in range(len(space.detector_settings)):
        timer.detections(part, scenes[0], 2)
    for part in range(len(space.trackers)):
        timer.tracking(part, scenes[0], objects, 2)
    columns = rows.columns()

    owner_of = [space.compiled.owners.index(part.owner) for part in space.compiled.parts]
    mean_ms = np.zeros(len(space.compiled.owners))
    for part, owner in enumerate(owner_of):
        mean_ms[owner] += columns["ms"][columns["part"] == part].mean()
    settings = len(space.detector_settings)
    return profiler.plan.seconds(
        space, mean_ms[:settings].tolist(), mean_ms[settings:].tolist(),
        timer.all_settings_ms(scenes[0]),
    )  # fmt: skip


def record_profile(
    profiler: Profiler, scenes: Sequence[Scene], identity: Mapping[str, Any], report: Report
) -> ProfileRecords:
    """Run all stages; units that an earlier run finished are read, not measured again.

    Parameters
    ----------
    profiler
        What to measure.
    scenes
        That latencies are measured on.
    identity
        Goes into the metadata; its ``levels`` are those of the plan.
    report
        Called with what is being done and the units just done.
    """
    profiler.folder.mkdir(parents=True, exist_ok=True)
    visits = profiler.measure_latency(scenes, report)
    tours = profiler.measure_switching(scenes, report)
    accuracy = join_units(profiler.measure_accuracy(report)) if profiler.has_truth else {}
    load = np.concatenate([visit.pop("load") for visit in visits])
    levels = [
        {**level, **_mean_load(load[load[:, 0] == index])}
        for index, level in enumerate(identity["levels"])
    ]
    latency = join_units([*visits, *tours])
    metadata = {
        **identity,
        "idleness": idleness_of(latency, load),
        "levels": levels,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": _versions(profiler.detector),
        "data_hash": _data_hash(profiler.sources, profiler.frames_per_source),
    }
    return ProfileRecords(metadata, latency, accuracy)


def _mean_load(rows: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Mean reading of a level; null where nobody told."""
    return {
        name: float(column.mean()) if np.isfinite(column).all() else None
        for name, column in zip(("cpu_others", "gpu_others"), rows[:, 1:].T, strict=True)
    }


def _versions(detector: Detector) -> dict[str, str]:
    libraries = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {
        "approx_perception": __version__, "python": platform.python_version(), **libraries,
        "detector": detector.description,
    }  # fmt: skip


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
