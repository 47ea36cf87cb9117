"""What every branch of detection would publish, by structure: each setting detects once a frame.

As in ApproxDet's offline profiling: the detector runs once for each (shape, nprop) and frame;
each (si, tracker, ds) then replays its detections, from each detection only once for all si.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from approx_perception.association import Associator
from approx_perception.branches import BranchSpace, TrackerSettings
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.kernels._base import Replay
from approx_perception.kernels.candidates import candidates
from approx_perception.kernels.content_sensor import ContentSensor
from approx_perception.structures import ContentFeatures, Detections, Frame
from approx_perception.trackers import create_tracker

__all__ = ["detect_all", "replay_setting", "replays"]

#: Of what was detected, what is to be followed.
Wanted = Callable[[Detections], Detections]


def replays(
    detector: Detector,
    space: BranchSpace,
    frames: Sequence[Frame],
    wanted: Wanted,
) -> Iterator[Callable[[], Replay]]:
    """Yield work for each detector setting; see `KernelState.replays`."""
    for shape in space.shapes:
        own = [i for i, each in enumerate(space.detector_settings) if each[0] == shape]
        settings = [space.detector_settings[index] for index in own]
        saved = detect_all(detector, settings, frames, wanted)
        for index, found in zip(own, saved, strict=True):
            yield partial(_replay, space, index, frames, found)


def detect_all(
    detector: Detector,
    settings: Sequence[tuple[int, int | None, int | None]],
    frames: Sequence[Frame],
    wanted: Wanted = candidates,
) -> list[list[Detections]]:
    """What would be followed, at several ``(shape, nprop)``, each of every frame."""
    knobs = [DetectorSettings(*each) for each in settings]
    saved: list[list[Detections]] = [[] for _ in knobs]
    for frame in frames:
        for own, found in zip(saved, detector.detect_each(frame.image, knobs), strict=True):
            own.append(wanted(found))
    return saved


def _replay(
    space: BranchSpace, index: int, frames: Sequence[Frame], saved: list[Detections]
) -> Replay:
    return Replay(index, _contents(frames, saved), replay_setting(space, index, frames, saved))


def _contents(frames: Sequence[Frame], saved: Sequence[Detections]) -> list[ContentFeatures]:
    """What is known after each frame when the detector runs on all of them."""
    sensor, associator = ContentSensor(), Associator()
    contents = []
    for frame, found in zip(frames, saved, strict=True):
        objects = associator.associate(found, frame.stamp_ns, frame.sequence)
        size = (frame.image.shape[1], frame.image.shape[0])
        sensor.see_objects(objects, associator.speeds_px_per_frame(objects), size)
        contents.append(sensor.features)
    return contents


def replay_setting(
    space: BranchSpace, index: int, frames: Sequence[Frame], saved: Sequence[Detections]
) -> dict[int, list[Detections]]:
    """Objects that all branches of one detector setting would publish for each frame.

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
        ``{position of the branch in the space: (N,) objects}``.
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
    frames: Sequence[Frame],
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
        tracker.initialize(frames[start].image, saved[start])
        for frame in frames[start + 1 : start + length]:
            update = tracker.update(frame.image)
            runs[start].append(update.detections.select(~update.lost))
    return runs
