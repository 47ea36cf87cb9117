"""Whether data can be profiled, found out before the first minute."""

from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest

import numpy as np

from approx_perception.datasets import FrameSource, LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import ConfigurationError, DatasetError, counted
from approx_perception.metrics.truth_use import check_classes
from approx_perception.profiling.learners._base import AccuracyLearner

__all__ = ["enough_frames", "have_truth", "labelled_frames", "snippet_starts"]


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
        if source.frame_count and source.class_names and not source.truth_name:
            # Known of every frame: none has to be drawn or decoded to see that.
            labelled.append(name)
            continue
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
            f"{unlabelled[0]} has no ground truth in its first {counted(frames, 'frame')}, but "
            f"{labelled[0]} "
            "has; give it with --ground-truth, or leave one of both out"
        )
    return bool(labelled)


def labelled_frames(source: FrameSource, count: int | None) -> Iterator[LabelledFrame]:
    """First ``count`` frames of a source that have ground truth; None for all."""
    return islice((entry for entry in source if entry.ground_truth is not None), count)


def snippet_starts(frame_count: int, length: int) -> range:
    """First frames of the snippets of a length; a rest is left out, but not the only one."""
    return range(0, max(frame_count - length, 0) + 1, length)


def enough_frames(
    learner: AccuracyLearner,
    sources: Mapping[str, FrameSource],
    frames: int | None,
    network_names: tuple[str, ...],
    translations: Mapping[str, str | None],
) -> int:
    """Frames of each source that accuracy can be learned from; reads no more than tells that.

    Parameters
    ----------
    learner
        Says how many snippets of what length it needs.
    sources
        Data.
    frames
        That the user wants of each; None for as few as have the learner's wanted snippets, or all.
    network_names, translations
        Classes of the network, and what they are called in the data.

    Raises
    ------
    ConfigurationError
        If a source and the network have no class in common, or too few snippets hold
        objects that count and that the network knows.
    """
    maps = [ClassMap(network_names, each.class_names, translations) for each in sources.values()]
    for (name, source), class_map in zip(sources.items(), maps, strict=True):
        if source.class_names:
            check_classes(class_map, source.truth_name or name)
    length, least, count = learner.snippet_frames, learner.least_snippets, 0
    snippets = [
        _snippets(source, frames, class_map, length)
        for source, class_map in zip(sources.values(), maps, strict=True)
    ]
    enough, turns = learner.wanted_snippets if frames is None else least, 0
    # The next snippet of each source in turns.
    for turn in zip_longest(*snippets, fillvalue=False):
        count, turns = count + sum(turn), turns + 1
        if count >= enough:
            break
    if count >= least:
        return frames or turns * length
    used = "" if frames is None else f"first {frames} "
    way_out = "" if frames is None else (
        f"more --frames (at least {learner.least_frames} of a single source), "
    )  # fmt: skip
    unit = "frames" if length == 1 else f"snippets of {counted(length, 'frame')}"
    raise ConfigurationError(
        f"accuracy is learned from {least} {unit} or more with objects of classes that the network "
        f"knows; the {used}frames of {counted(len(sources), 'source')} have {count}: give "
        f"{way_out}more "
        "sources, or bring names of classes together with --class-map"
    )


def _snippets(
    source: FrameSource, frames: int | None, class_map: ClassMap, length: int
) -> Iterator[bool]:
    """Whether each snippet holds objects that count; those of `snippet_starts`."""
    known = [class_map.truth_names.index(name) for name in class_map.found_names]
    truths = (entry.ground_truth for entry in labelled_frames(source, frames))
    with_objects = (
        bool((~truth.ignored & np.isin(truth.class_ids, known)).any())
        for truth in truths if truth is not None
    )  # fmt: skip
    snippet = [*islice(with_objects, length)]
    yield any(snippet)
    while len(snippet := [*islice(with_objects, length)]) == length:
        yield any(snippet)
