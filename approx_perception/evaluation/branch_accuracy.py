"""AP50 of every branch of a space, by structure: detections are saved once and replayed.

As in ApproxDet's offline profiling: the detector runs once for each (shape, nprop) and frame;
each (si, tracker, ds) then replays the saved detections.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from approx_perception.branches import Branch, BranchSpace
from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.evaluation.average_precision import average_precision_50
from approx_perception.evaluation.class_map import in_classes_of_truth
from approx_perception.structures import Detections, GroundTruth
from approx_perception.trackers import create_tracker

__all__ = ["BranchAccuracy", "measure_branch_accuracy"]

_SCORE_THRESHOLD = 0.05

Scored = list[tuple[Detections, GroundTruth]]


@dataclass(frozen=True, slots=True)
class BranchAccuracy:
    """AP50 of branches.

    Attributes
    ----------
    overall
        ``{branch: AP50}`` over all sources together.
    by_source
        ``{branch: {source name: AP50}}``.
    """

    overall: dict[Branch, float]
    by_source: dict[Branch, dict[str, float]]


def _detect_all(
    detector: Detector, settings: DetectorSettings, frames: Sequence[LabelledFrame]
) -> list[Detections]:
    found = (detector.detect(entry.frame.image, settings) for entry in frames)
    return [detections.with_score(_SCORE_THRESHOLD) for detections in found]


def _replay(
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


def measure_branch_accuracy(
    detector: Detector,
    space: BranchSpace,
    sources: Sequence[FrameSource],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> BranchAccuracy:
    """Score every branch of a space on sources that have ground truth.

    Parameters
    ----------
    detector
        Network to score.
    space
        Branches to score.
    sources
        Each is read once and held in memory while it is replayed.
    report
        Called with the number of branches done and their total, over all sources.
    """
    scored: dict[Branch, dict[str, Scored]] = {branch: {} for branch in space}
    total, done = len(space) * len(sources), 0
    for source in sources:
        frames = [entry for entry in source if entry.ground_truth is not None]
        for shape, nprop in space.detector_settings:
            saved = _detect_all(detector, DetectorSettings(shape, nprop), frames)
            for branch in space:
                if branch.detector_settings != (shape, nprop):
                    continue
                published = _replay(branch, frames, saved)
                scored[branch].setdefault(source.name, []).extend(
                    (
                        in_classes_of_truth(found, detector.class_names, source.class_names),
                        entry.ground_truth,
                    )
                    for found, entry in zip(published, frames, strict=True)
                    if entry.ground_truth is not None
                )
                done += 1
                report(done, total)
    class_count = len(sources[0].class_names)
    return BranchAccuracy(
        {b: _score(list(chain(*parts.values())), class_count) for b, parts in scored.items()},
        {
            branch: {name: _score(frames, class_count) for name, frames in parts.items()}
            for branch, parts in scored.items()
        },
    )


def _score(frames: Scored, class_count: int) -> float:
    return average_precision_50(frames, class_count).mean
