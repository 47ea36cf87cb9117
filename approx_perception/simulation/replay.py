"""What every branch would have published, by structure: detections are saved once and replayed.

As in ApproxDet's offline profiling: the detector runs once for each (shape, nprop) and frame;
each (si, tracker, ds) then replays the saved detections, from each detection only once for all si.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.kernels.candidates import CLASS_AGNOSTIC_IOU, candidates
from approx_perception.machine import core_count
from approx_perception.metrics.average_precision import FrameMatch, match_frame
from approx_perception.structures import Detections
from approx_perception.trackers import create_tracker

__all__ = [
    "SettingReplay",
    "detect_all",
    "match_all",
    "replay_setting",
    "replay_space",
]


@dataclass(frozen=True, slots=True, eq=False)
class SettingReplay:
    """One (shape, nprop) on all frames of a source, and the branches that share it.

    Attributes
    ----------
    index
        Position in the space's `detector_settings`.
    detections
        Of each frame, in the detector's classes.
    matches
        ``{position of the branch in the space: its match of each frame}``.
    """

    index: int
    detections: list[Detections]
    matches: dict[int, list[FrameMatch]]


def detect_all(
    detector: Detector,
    settings: Sequence[tuple[int, int | None]],
    frames: Sequence[LabelledFrame],
    class_agnostic_iou: float = CLASS_AGNOSTIC_IOU,
) -> list[list[Detections]]:
    """What a pipeline would follow, at several ``(shape, nprop)``, each of every frame."""
    knobs = [DetectorSettings(*each) for each in settings]
    saved: list[list[Detections]] = [[] for _ in knobs]
    for entry in frames:
        for own, found in zip(saved, detector.detect_each(entry.frame.image, knobs), strict=True):
            own.append(candidates(found, class_agnostic_iou=class_agnostic_iou))
    return saved


def replay_setting(
    space: BranchSpace,
    index: int,
    frames: Sequence[LabelledFrame],
    saved: Sequence[Detections],
) -> dict[int, list[Detections]]:
    """Objects that all branches of one detector setting would have published for each frame.

    Branches that differ in si alone share what a tracker does from a detection on: of si 2, 4
    and 8 only the longest run from each frame is computed.

    Parameters
    ----------
    space
        Of the branches.
    index
        Position in the space's `detector_settings`.
    frames, saved
        Frames, and what that setting detects in them.

    Returns
    -------
    dict
        ``{position of the branch in the space: (N,) objects}``; what branches share is the same
        object.
    """
    own = [
        (i, b) for i, b in enumerate(space) if b.detector_settings == space.detector_settings[index]
    ]
    published = {i: list(saved) for i, branch in own if branch.tracker_settings is None}
    for settings in space.trackers:
        members = {i: branch.si for i, branch in own if branch.tracker_settings == settings}
        runs = _tracked_runs(settings, set(members.values()), frames, saved)
        for i, si in members.items():
            published[i] = [runs[frame - frame % si][frame % si] for frame in range(len(frames))]
    return published


def _tracked_runs(
    settings: TrackerSettings,
    intervals: Collection[int],
    frames: Sequence[LabelledFrame],
    saved: Sequence[Detections],
) -> dict[int, list[Detections]]:
    """``{frame with a detection: what is published from there on}``, as far as any si needs it."""
    tracker = create_tracker(settings)
    runs = {}
    for start in range(len(frames)):
        length = max((si for si in intervals if start % si == 0), default=0)
        if not length:
            continue
        runs[start] = [saved[start]]
        tracker.initialize(frames[start].frame.image, saved[start])
        for entry in frames[start + 1 : start + length]:
            update = tracker.update(entry.frame.image)
            runs[start].append(update.detections.select(~update.lost))
    return runs


def _replay_and_match(
    space: BranchSpace,
    index: int,
    frames: Sequence[LabelledFrame],
    saved: list[Detections],
    class_map: ClassMap,
) -> SettingReplay:
    published = replay_setting(space, index, frames, saved)
    matches = match_all(
        published,
        lambda frame, found: match_frame(class_map.apply(found), frames[frame].ground_truth),  # type: ignore[arg-type]
        [i for i, entry in enumerate(frames) if entry.ground_truth is not None],
    )
    return SettingReplay(index, saved, matches)


def match_all(
    published: Mapping[int, Sequence[Detections]],
    match: Callable[[int, Detections], FrameMatch],
    frames: Sequence[int],
) -> dict[int, list[FrameMatch]]:
    """Compare what branches published with the truth; what they share is compared once."""
    known: dict[tuple[int, int], FrameMatch] = {}
    matches: dict[int, list[FrameMatch]] = {}
    for branch, own in published.items():
        row = matches.setdefault(branch, [])
        for frame in frames:
            key = (frame, id(own[frame]))
            if key not in known:
                known[key] = match(frame, own[frame])
            row.append(known[key])
    return matches


def replay_space(
    detector: Detector,
    space: BranchSpace,
    frames: Sequence[LabelledFrame],
    truth_names: Sequence[str],
    translations: Mapping[str, str | None] | None = None,
) -> Iterator[SettingReplay]:
    """Replay all branches on frames held in memory, a setting after the other.

    A detector serves one thread at a time, so this one detects while others track and compare.
    Time is not measured here, so that all cores may work.
    """
    class_map = ClassMap(detector.class_names, truth_names, translations)
    settings = space.detector_settings
    with ThreadPoolExecutor(core_count()) as pool:
        replays = []
        for shape in space.shapes:
            own = [i for i, each in enumerate(settings) if each[0] == shape]
            saved = detect_all(detector, [settings[i] for i in own], frames)
            for index, detections in zip(own, saved, strict=True):
                work = space, index, frames, detections, class_map
                replays.append(pool.submit(_replay_and_match, *work))
        for replay in replays:
            yield replay.result()
