"""AP50 of every branch of a space over whole sources."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from approx_perception.branches import Branch, BranchSpace
from approx_perception.datasets import FrameSource
from approx_perception.detectors import Detector
from approx_perception.metrics.average_precision import FrameMatch, mean_ap50
from approx_perception.simulation.replay import replay_space

__all__ = ["BranchAccuracy", "measure_branch_accuracy"]


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
    matches: dict[Branch, dict[str, list[FrameMatch]]] = {branch: {} for branch in space}
    total, done = len(space) * len(sources), 0
    for source in sources:
        frames = [entry for entry in source if entry.ground_truth is not None]
        for setting in replay_space(detector, space, frames, source.class_names):
            for position, found in setting.matches.items():
                matches[space[position]].setdefault(source.name, []).extend(found)
            done += len(setting.matches)
            report(done, total)
    class_count = len(sources[0].class_names)
    return BranchAccuracy(
        {b: mean_ap50(list(chain(*p.values())), class_count).mean for b, p in matches.items()},
        {
            branch: {name: mean_ap50(found, class_count).mean for name, found in parts.items()}
            for branch, parts in matches.items()
        },
    )
