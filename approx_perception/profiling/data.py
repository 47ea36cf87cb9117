"""Whether data can be profiled, found out before the first minute."""

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np

from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import ConfigurationError, DatasetError
from approx_perception.metrics.truth_use import check_classes

__all__ = [
    "LEAST_SNIPPETS",
    "SNIPPET_FRAMES",
    "check_snippets",
    "have_truth",
    "labelled_frames",
    "snippet_starts",
]

#: Length of the pieces of video whose accuracy is predicted.
SNIPPET_FRAMES = 16
#: With objects; from fewer, nothing can be learned.
LEAST_SNIPPETS = 4


def have_truth(sources: Mapping[str, FrameSource], frames: int) -> bool:
    """Whether the first frames of all sources have ground truth; false if none of them has any.

    Raises
    ------
    DatasetError
        If some sources have it and others have not, or one has no frame at all.
    """
    labelled: list[str] = []
    unlabelled: list[str] = []
    for name, source in sources.items():
        entries = iter(islice(source, frames))
        first = next(entries, None)
        if first is None:
            raise DatasetError(f"{name} has no frames")
        has_truth = first.ground_truth is not None or any(
            entry.ground_truth is not None for entry in entries
        )
        (labelled if has_truth else unlabelled).append(name)
    if labelled and unlabelled:
        raise DatasetError(
            f"{unlabelled[0]} has no ground truth in its first {frames} frames, but {labelled[0]} "
            "has; give it with --ground-truth, or leave one of both out"
        )
    return bool(labelled)


def labelled_frames(source: FrameSource, count: int) -> Iterator[LabelledFrame]:
    """First ``count`` frames of a source that have ground truth."""
    return islice((entry for entry in source if entry.ground_truth is not None), count)


def snippet_starts(frame_count: int) -> range:
    """First frames of the snippets of so many frames; a rest is left out, but not the only one."""
    return range(0, max(frame_count - SNIPPET_FRAMES, 0) + 1, SNIPPET_FRAMES)


def check_snippets(
    sources: Mapping[str, FrameSource],
    frames: int,
    network_names: tuple[str, ...],
    translations: Mapping[str, str | None],
) -> None:
    """Refuse data from which accuracy cannot be learned; reads no more than tells that it can.

    Parameters
    ----------
    sources, frames
        Data, and how many frames of each are used.
    network_names, translations
        Classes of the network, and what they are called in the data.

    Raises
    ------
    ConfigurationError
        If a source and the network have no class in common, or fewer than `LEAST_SNIPPETS`
        snippets hold objects that count and that the network knows.
    """
    maps = {
        name: ClassMap(network_names, source.class_names, translations)
        for name, source in sources.items()
    }
    for name, source in sources.items():
        if source.class_names:
            check_classes(maps[name], source.truth_name or name)
    count = 0
    for name, source in sources.items():
        count += _snippets_with_objects(source, frames, maps[name])
        if count >= LEAST_SNIPPETS:
            return
    raise ConfigurationError(
        f"accuracy is learned from {LEAST_SNIPPETS} snippets of {SNIPPET_FRAMES} frames or more "
        "with objects of classes that the network knows; the first "
        f"{frames} frames of {len(sources)} sources have {count}: give more --frames (at least "
        f"{LEAST_SNIPPETS * SNIPPET_FRAMES} of a single source), more sources, or "
        "bring names of classes together with --class-map"
    )


def _snippets_with_objects(source: FrameSource, frames: int, class_map: ClassMap) -> int:
    known = [class_map.truth_names.index(name) for name in class_map.found_names]
    truths = (entry.ground_truth for entry in labelled_frames(source, frames))
    with_objects = np.array([
        bool((~truth.ignored & np.isin(truth.class_ids, known)).any())
        for truth in truths if truth is not None
    ])  # fmt: skip
    starts = snippet_starts(len(with_objects))
    return sum(bool(with_objects[start : start + SNIPPET_FRAMES].any()) for start in starts)
