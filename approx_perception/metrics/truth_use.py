"""How much of the ground truth a run used, and why not all of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from approx_perception.datasets import FrameSource
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import ConfigurationError
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.truth_warnings import (
    no_common_class,
    truth_metadata,
    used_objects,
    warnings_of,
)

__all__ = ["check_classes", "truth_given", "truth_remarks", "truth_use", "unused_truth"]


def check_classes(class_map: ClassMap, name: str) -> None:
    """Refuse truth that the user names if not one of its classes can be found.

    Raises
    ------
    ConfigurationError
        Saying what the network knows and what the truth has.
    """
    if not class_map.found_names:
        raise ConfigurationError(no_common_class(class_map.detector_names, class_map.truth_names,
                                                  name))  # fmt: skip


def truth_given(
    source: FrameSource, class_map: ClassMap, is_named: bool, is_whole: bool
) -> dict[str, Any]:
    """Build what a record keeps of its ground truth beside the objects; plain JSON.

    Parameters
    ----------
    source
        That was run; its remarks are taken as they are now.
    class_map
        From the network's classes to those of the truth.
    is_named
        Whether the user named the truth.
    is_whole
        Whether all frames of the source were run.
    """
    return {
        "name": source.truth_name, "is_named": is_named,
        "objects_given": source.truth_objects if is_whole else None,
        "remarks": list(source.truth_remarks()), "network_classes": list(class_map.detector_names),
        "found_classes": list(class_map.found_names),
    }  # fmt: skip


def truth_remarks(source: FrameSource, network_classes: Sequence[str]) -> list[str]:
    """Return why truth of a source may find no partner, after it was run."""
    texts = list(source.truth_remarks())
    if source.class_names and not ClassMap(network_classes, source.class_names).found_names:
        texts.append(no_common_class(network_classes, source.class_names, "the truth"))
    return texts


def truth_use(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Count frames and objects of the truth that were used, with warnings; plain JSON.

    Parameters
    ----------
    records
        Of one system.

    Returns
    -------
    dict
        ``frames``; ``frames_with_truth``, ``objects`` (that count) and ``objects_ignored``, all
        three of frames that were processed; and ``warnings``: sentences that say what found no
        partner, and why.
    """
    used = [used_objects(record) for record in records]
    warnings = dict.fromkeys(
        f"{record.metadata['source']}: {text}" for record in records for text in warnings_of(record)
    )
    return {
        "frames": sum(len(record) for record in records),
        "frames_with_truth": sum(map(_judged_frames, records)),
        "objects": sum(int((~ignored).sum()) for _, ignored in used),
        "objects_ignored": sum(int(ignored.sum()) for _, ignored in used),
        "warnings": list(warnings),
    }


def unused_truth(records: Iterable[RunRecord]) -> list[str]:
    """Return a sentence for each run whose truth the user named and of which nothing was used."""
    return [
        f"{record.metadata['source']}: no object of {given['name']} was used: "
        f"{'; '.join(warnings_of(record))}"
        for record in records
        if (given := truth_metadata(record)).get("is_named") and used_objects(record)[1].all()
    ]


def _judged_frames(record: RunRecord) -> int:
    return int((record.frames["has_truth"] & record.frames["processed"]).sum())
