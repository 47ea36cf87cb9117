"""How much of the ground truth a run used, and why not all of it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from approx_perception.datasets import FrameSource
from approx_perception.evaluation.class_map import ClassMap
from approx_perception.evaluation.run_record import RunRecord
from approx_perception.exceptions import ConfigurationError

__all__ = ["check_classes", "truth_given", "truth_remarks", "truth_use", "unused_truth"]

#: Frames at the end without any object, as a share of all, that hint at truth that ends too early.
_EMPTY_END_SHARE = 0.1


def check_classes(class_map: ClassMap, name: str) -> None:
    """Refuse truth that the user names if not one of its classes can be found.

    Raises
    ------
    ConfigurationError
        Saying what the network knows and what the truth has.
    """
    if not class_map.found_names:
        raise ConfigurationError(_no_common_class(class_map.detector_names, class_map.truth_names,
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
        texts.append(_no_common_class(network_classes, source.class_names, "the truth"))
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
        ``frames``, ``frames_with_truth``, ``objects`` (that count), ``objects_ignored``, and
        ``warnings``: sentences that say what found no partner, and why.
    """
    used = [_used(record) for record in records]
    warnings = dict.fromkeys(
        f"{record.metadata['source']}: {text}" for record in records for text in _warnings(record)
    )
    return {
        "frames": sum(len(record) for record in records),
        "frames_with_truth": sum(int(record.frames["has_truth"].sum()) for record in records),
        "objects": sum(int((~ignored).sum()) for _, ignored in used),
        "objects_ignored": sum(int(ignored.sum()) for _, ignored in used),
        "warnings": list(warnings),
    }


def unused_truth(records: Iterable[RunRecord]) -> list[str]:
    """Return a sentence for each run whose truth the user named and of which nothing was used."""
    return [
        f"{record.metadata['source']}: no object of {given['name']} was used: "
        f"{'; '.join(_warnings(record))}"
        for record in records
        if (given := _given(record)).get("is_named") and _used(record)[1].all()
    ]


def _given(record: RunRecord) -> dict[str, Any]:
    """Of a record from before it was kept: nothing."""
    return dict(record.metadata.get("truth", {}))


def _used(record: RunRecord) -> tuple[Any, Any]:
    """Class and whether it is ignored, of each object in frames that were processed."""
    counts = np.diff(record.truth_ends, prepend=0)
    rows = np.repeat(record.frames["processed"], counts)
    return record.truth["class_ids"][rows], record.truth["ignored"][rows]


def _warnings(record: RunRecord) -> list[str]:
    given = _given(record)
    has_truth = record.frames["has_truth"]
    name = given.get("name") or "the ground truth"
    if not given.get("name") and not has_truth.any():
        return []
    parts = (*_about_frames(record, name), *_about_objects(record, name, given))
    return [*parts, *given.get("remarks", ())]


def _about_frames(record: RunRecord, name: str) -> list[str]:
    has_truth = record.frames["has_truth"]
    count, without = len(record), int((~has_truth).sum())
    if without == count:
        return [f"not one of {count} frames has truth in {name}"]
    if without:
        first = int(record.frames["sequence"][~has_truth][0]) + 1
        return [f"{without} of {count} frames have no truth in {name}, frame {first} the first"]
    with_objects = np.flatnonzero(np.diff(record.truth_ends, prepend=0))
    behind = count - 1 - int(with_objects[-1]) if len(with_objects) else 0
    if behind > _EMPTY_END_SHARE * count:
        return [
            f"the last {behind} of {count} frames are empty in {name}: does it end before them?"
        ]
    return []


def _about_objects(record: RunRecord, name: str, given: dict[str, Any]) -> list[str]:
    class_ids, ignored = _used(record)
    objects, texts = int((~ignored).sum()), []
    all_objects = given.get("objects_given")
    missing = 0 if all_objects is None else all_objects - len(record.truth["ignored"])
    if missing > 0:
        texts.append(f"{missing} of {all_objects} objects of {name} are of no frame that was run")
    if len(ignored) and not objects:
        texts.append(f"all {len(ignored)} objects of {name} are to be ignored")
    if objects and "found_classes" in given:
        texts += _about_classes(record, name, given, class_ids[~ignored])
    without = int((record.truth["track_ids"][~record.truth["ignored"]] < 0).sum())
    if without:
        texts.append(
            f"{without} objects of {name} have no identity, so HOTA, IDF1 and MOTA are null"
        )
    return texts


def _about_classes(
    record: RunRecord, name: str, given: dict[str, Any], class_ids: Any
) -> list[str]:
    names = record.class_names
    there = {names[index]: int((class_ids == index).sum()) for index in np.unique(class_ids)}
    unknown = {own: count for own, count in there.items() if own not in given["found_classes"]}
    if not unknown:
        return []
    if len(unknown) == len(there):
        return [_no_common_class(given["network_classes"], list(there), name)]
    return [
        f"{sum(unknown.values())} of {len(class_ids)} objects of {name} are of classes that the "
        f"network does not know ({_listed(unknown)}); it knows "
        f"{_listed(given['network_classes'])}; bring names together with --class-map"
    ]


def _no_common_class(known: Sequence[str], there: Sequence[str], name: str) -> str:
    return (
        f"network and truth have no class of one name: the network knows {_listed(known)}, {name} "
        f"has {_listed(there)}; bring names together with --class-map"
    )


def _listed(names: Iterable[str], limit: int = 200) -> str:
    text = ", ".join(filter(None, names)) or "none"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
