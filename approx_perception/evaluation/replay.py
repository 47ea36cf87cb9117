"""What every branch would have published, by structure: detections are saved once and replayed.

As in ApproxDet's offline profiling: the detector runs once for each (shape, nprop) and frame;
each (si, tracker, ds) then replays the saved detections.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from approx_perception.branches import Branch, BranchSpace
from approx_perception.datasets import LabelledFrame
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.evaluation.average_precision import FrameMatch, match_frame
from approx_perception.evaluation.class_map import ClassMap
from approx_perception.machine import core_count
from approx_perception.structures import Detections
from approx_perception.trackers import create_tracker

__all__ = ["SCORE_THRESHOLD", "SettingReplay", "detect_all", "replay_branch", "replay_space"]

#: Weaker detections are dropped, as the pipeline does by default.
SCORE_THRESHOLD = 0.05


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
    detector: Detector, settings: tuple[int, int | None], frames: Sequence[LabelledFrame]
) -> list[Detections]:
    """Detections of every frame at one ``(shape, nprop)``."""
    knobs = DetectorSettings(*settings)
    found = (detector.detect(entry.frame.image, knobs) for entry in frames)
    return [detections.with_score(SCORE_THRESHOLD) for detections in found]


def replay_branch(
    branch: Branch, frames: Sequence[LabelledFrame], saved: Sequence[Detections]
) -> list[Detections]:
    """Objects that a branch would have published for each frame."""
    if branch.tracker_settings is None:
        return list(saved)
    tracker = create_tracker(branch.tracker_settings)
    published = []
    for index, entry in enumerate(frames):
        if index % branch.si == 0:
            tracker.initialize(entry.frame.image, saved[index])
            published.append(saved[index])
        else:
            update = tracker.update(entry.frame.image)
            published.append(update.detections.select(~update.lost))
    return published


def _replay_setting(
    detector: Detector,
    space: BranchSpace,
    frames: Sequence[LabelledFrame],
    truth_names: Sequence[str],
    index: int,
) -> SettingReplay:
    settings = space.detector_settings[index]
    saved = detect_all(detector, settings, frames)
    class_map = ClassMap(detector.class_names, truth_names)
    matches = {}
    for position, branch in enumerate(space):
        if branch.detector_settings == settings:
            published = replay_branch(branch, frames, saved)
            matches[position] = [
                match_frame(class_map.apply(found), entry.ground_truth)
                for found, entry in zip(published, frames, strict=True)
                if entry.ground_truth is not None
            ]
    return SettingReplay(index, saved, matches)


def replay_space(
    detector: Detector,
    space: BranchSpace,
    frames: Sequence[LabelledFrame],
    truth_names: Sequence[str],
) -> Iterator[SettingReplay]:
    """Replay all branches on frames held in memory, one thread a core.

    Time is not measured here, so that all cores may work.
    """
    with ThreadPoolExecutor(core_count()) as pool:
        yield from pool.map(
            lambda index: _replay_setting(detector, space, frames, truth_names, index),
            range(len(space.detector_settings)),
        )
