"""Whether data can be profiled, found out before the first minute."""

from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest

import numpy as np

from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import ConfigurationError, DatasetError
from approx_perception.metrics.truth_use import check_classes

__all__ = [
    "LEAST_SNIPPETS",
    "SNIPPET_FRAMES",
    "enough_frames",
    "have_truth",
    "labelled_frames",
    "snippet_starts",
]

#: Length of the pieces of video whose accuracy is predicted.
SNIPPET_FRAMES = 16
#: With objects; from fewer, nothing can be learned.
LEAST_SNIPPETS = 4


def have_truth(sources: Mapping[str, FrameSource], frames: int | None) -> bool:
    """Whether the first frames of all sources have ground truth; false if none of them has any.

    Without ``frames`` these are as many as a single source needs.

    Raises
    ------
    DatasetError
        If some sources have it and others have not, or one has no frame at all.
    """
    frames = frames or LEAST_SNIPPETS * SNIPPET_FRAMES
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


def labelled_frames(source: FrameSource, count: int | None) -> Iterator[LabelledFrame]:
    """First ``count`` frames of a source that have ground truth; None for all."""
    return islice((entry for entry in source if entry.ground_truth is not None), count)


def snippet_starts(frame_count: int) -> range:
    """First frames of the snippets of so many frames; a rest is left out, but not the only one."""
    return range(0, max(frame_count - SNIPPET_FRAMES, 0) + 1, SNIPPET_FRAMES)


def enough_frames(
    sources: Mapping[str, FrameSource],
    frames: int | None,
    network_names: tuple[str, ...],
    translations: Mapping[str, str | None],
) -> int:
    """Frames of each source that accuracy can be learned from; reads no more than tells that.

    Parameters
    ----------
    sources
        Data.
    frames
        That the user wants of each; None for as few as are enough.
    network_names, translations
        Classes of the network, and what they are called in the data.

    Raises
    ------
    ConfigurationError
        If a source and the network have no class in common, or fewer than `LEAST_SNIPPETS`
        snippets hold objects that count and that the network knows.
    """
    maps = [ClassMap(network_names, each.class_names, translations) for each in sources.values()]
    for (name, source), class_map in zip(sources.items(), maps, strict=True):
        if source.class_names:
            check_classes(class_map, source.truth_name or name)
    snippets = [_snippets(s, frames, m) for s, m in zip(sources.values(), maps, strict=True)]
    count = 0
    # The next snippet of each source in turns.
    for index, turn in enumerate(zip_longest(*snippets, fillvalue=False), start=1):
        count += sum(turn)
        if count >= LEAST_SNIPPETS:
            return frames or index * SNIPPET_FRAMES
    used = "" if frames is None else f"first {frames} "
    way_out = "" if frames is None else (
        f"more --frames (at least {LEAST_SNIPPETS * SNIPPET_FRAMES} of a single source), "
    )  # fmt: skip
    raise ConfigurationError(
        f"accuracy is learned from {LEAST_SNIPPETS} snippets of {SNIPPET_FRAMES} frames or more "
        f"with objects of classes that the network knows; the {used}frames of {len(sources)} "
        f"sources have {count}: give {way_out}more sources, or bring names of classes together "
        "with --class-map"
    )


def _snippets(source: FrameSource, frames: int | None, class_map: ClassMap) -> Iterator[bool]:
    """Whether each snippet holds objects that count; those of `snippet_starts`."""
    known = [class_map.truth_names.index(name) for name in class_map.found_names]
    truths = (entry.ground_truth for entry in labelled_frames(source, frames))
    with_objects = (
        bool((~truth.ignored & np.isin(truth.class_ids, known)).any())
        for truth in truths if truth is not None
    )  # fmt: skip
    snippet = [*islice(with_objects, SNIPPET_FRAMES)]
    yield any(snippet)
    while len(snippet := [*islice(with_objects, SNIPPET_FRAMES)]) == SNIPPET_FRAMES:
        yield any(snippet)
