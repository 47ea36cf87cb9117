"""Whether data can be profiled, found out before the first minute."""

from collections.abc import Mapping
from itertools import islice

from approx_perception.datasets import FrameSource
from approx_perception.evaluation.class_map import ClassMap
from approx_perception.evaluation.truth_use import check_classes
from approx_perception.exceptions import DatasetError

__all__ = ["check_all_classes", "have_truth"]


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


def check_all_classes(
    sources: Mapping[str, FrameSource],
    network_names: tuple[str, ...],
    translations: Mapping[str, str | None],
) -> None:
    """Refuse data in which the network can find nothing: all branches would be worth 0.

    Raises
    ------
    ConfigurationError
        If the classes of a source and those of the network have none in common.
    """
    for name, source in sources.items():
        if source.class_names:
            class_map = ClassMap(network_names, source.class_names, translations)
            check_classes(class_map, source.truth_name or name)
