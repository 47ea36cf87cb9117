"""How much of the ground truth a run used, and why not all of it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from approx_perception.datasets import FrameSource
from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import ConfigurationError, counted
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring.by_task import scoring_in

__all__ = [
    "accuracy_words",
    "check_classes",
    "truth_given",
    "truth_use",
    "truth_words",
    "unused_truth",
]

#: Frames at the end without any object, as a share of all, that hint at truth that ends too early.
_EMPTY_END_SHARE = 0.1
#: Truth of which no box has a longer side is not in px.
_TINY_PX = 2.0


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
        three of frames that were processed; ``judges_objects``, see `Scoring`; and ``warnings``:
        sentences that say what found no partner, and why.
    """
    used = [_used_objects(record) for record in records]
    warnings = dict.fromkeys(
        f"{record.metadata['source']}: {text}" for record in records for text in _warnings(record)
    )
    return {
        "frames": sum(len(record) for record in records),
        "frames_with_truth": sum(map(_judged_frames, records)),
        "objects": sum(int((~ignored).sum()) for _, ignored in used),
        "objects_ignored": sum(int(ignored.sum()) for _, ignored in used),
        "judges_objects": scoring_in(records).judges_objects,
        "warnings": list(warnings),
    }


def truth_words(use: Mapping[str, Any]) -> str:
    """Say how much of the truth was used, by what `truth_use` returned."""
    ignored = f", {use['objects_ignored']} ignored" if use["objects_ignored"] else ""
    what = f"{counted(use['objects'], 'object')} in " if use["judges_objects"] else ""
    frames = counted(use["frames"], "frame")
    return f"{what}{use['frames_with_truth']} of {frames}{ignored if what else ''}"


def unused_truth(records: Iterable[RunRecord]) -> list[str]:
    """Return a sentence for each run whose truth the user named and of which nothing was used."""
    return [
        f"{record.metadata['source']}: no object of {given['name']} was used: "
        f"{'; '.join(_warnings(record))}"
        for record in records
        if (given := _metadata(record)).get("is_named") and _used_objects(record)[1].all()
    ]


def accuracy_words(records: Sequence[RunRecord], value: float | None) -> tuple[str, bool]:
    """Accuracy for people, with the reason where it tells nothing of the network.

    Parameters
    ----------
    records
        Of one system.
    value
        The measure of its task over all of them; None or nan where there is none.

    Returns
    -------
    tuple
        The words, and whether the value tells something.
    """
    scoring = scoring_in(records)
    if value is None or math.isnan(value):
        has = "an object in its " if any(map(_judged_frames, records)) else ""
        reasons = [text for record in records for text in _warnings(record)[:1]]
        why = f" ({reasons[0]})" if reasons else ""
        name = scoring.measure_name
        return f"{name} is unknown: no processed frame has {has}ground truth{why}", False
    text = f"{scoring.measure_name} {value:.3f}"
    judged = [record for record in records if not _used_objects(record)[1].all()]
    if judged and not any(map(_has_common_class, judged)):
        return (
            f"{text} tells nothing: network and truth have no class of one name; bring names "
            "together with --class-map"
        ), False
    if value > 0:
        return text, True
    return f"{text}: {scoring.why_nothing_is_right(records)}", False


def _has_common_class(record: RunRecord) -> bool:
    """Whether the network knows a class of any object that counts."""
    class_ids, ignored = _used_objects(record)
    given = _metadata(record)
    there = {record.class_names[index] for index in np.unique(class_ids[~ignored])}
    return "found_classes" not in given or not there.isdisjoint(given["found_classes"])


def _judged_frames(record: RunRecord) -> int:
    return int((record.frames["has_truth"] & record.frames["processed"]).sum())


def _metadata(record: RunRecord) -> dict[str, Any]:
    """Return what a record keeps of its ground truth; nothing of one from before it was kept."""
    return dict(record.metadata.get("truth", {}))


def _used_objects(record: RunRecord) -> tuple[Any, Any]:
    """Class and whether it is ignored, of each object in frames that were processed."""
    rows = _of_objects(record, record.frames["processed"])
    return record.truth["class_ids"][rows], record.truth["ignored"][rows]


def _of_objects(record: RunRecord, of_frames: Any) -> Any:
    """Values of frames, for each object in them."""
    return np.repeat(of_frames, np.diff(record.truth_ends, prepend=0))


def _warnings(record: RunRecord) -> list[str]:
    """Return a sentence for each thing that a user should know of the truth of a run."""
    given = _metadata(record)
    has_truth = record.frames["has_truth"]
    name = given.get("name") or "the ground truth"
    if not given.get("name") and not has_truth.any():
        return []
    parts = (
        *_about_frames(record, name, is_exact=not given.get("name")),
        *_about_objects(record, name, given),
        *record.scoring.truth_warnings(record, name),
    )
    return [*parts, *given.get("remarks", ())]


def _about_frames(record: RunRecord, name: str, is_exact: bool) -> list[str]:
    has_truth, sequence = record.frames["has_truth"], record.frames["sequence"]
    count, without = len(record), int((~has_truth).sum())
    if without == count:
        return [f"not one of {counted(count, 'frame')} has truth in {name}"]
    texts = []
    if without:
        first = int(sequence[~has_truth][0]) + 1
        texts.append(
            f"{without} of {counted(count, 'frame')} have no truth in {name}, frame {first} the "
            "first"
        )
    is_empty = np.diff(record.truth_ends, prepend=0) == 0
    if is_empty.all():
        return [*texts, f"not one of {counted(count, 'frame')} has an object in {name}"]
    # What is known of every frame is not empty by mistake.
    empty = np.flatnonzero(is_empty & has_truth)
    if len(empty) and not is_exact:
        behind = count - 1 - int(np.flatnonzero(~is_empty)[-1])
        if not without and behind > _EMPTY_END_SHARE * count:
            texts.append(
                f"the last {behind} of {counted(count, 'frame')} are empty in {name}: does it "
                "end before them?"
            )
            empty = empty[empty < count - behind]
    if len(empty) and not is_exact:
        texts.append(
            f"{len(empty)} of {counted(count, 'frame')} are empty in {name}, frame "
            f"{int(sequence[empty[0]]) + 1} the first: {record.scoring.in_empty_frames}"
        )
    return texts


def _about_objects(record: RunRecord, name: str, given: dict[str, Any]) -> list[str]:
    class_ids, ignored = _used_objects(record)
    objects, texts = int((~ignored).sum()), []
    all_objects, of_frames = given.get("objects_given"), len(record.truth["ignored"])
    missing = 0 if all_objects is None else all_objects - of_frames
    if missing > 0:
        texts.append(f"{missing} of {all_objects} objects of {name} are of no frame that was run")
    # A task that judges frames tells of dropped ones beside its verdict.
    if record.scoring.judges_objects and (dropped := of_frames - len(ignored)):
        texts.append(
            f"{dropped} of {counted(of_frames, 'object')} of {name} are in frames that were "
            "dropped, and are not judged"
        )
    if len(ignored) and not objects:
        texts.append(f"all objects of {name} are to be ignored ({len(ignored)})")
    if objects and "found_classes" in given:
        texts += _about_classes(record, name, given, class_ids[~ignored])
    boxes = record.truth["boxes"]
    if len(boxes) and (boxes[:, 2:] - boxes[:, :2] < _TINY_PX).all():
        texts.append(
            f"no box of {name} has a side of {_TINY_PX:g} px: are they normalised (0 to 1)? Boxes "
            "are in px"
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
    if not _has_common_class(record):
        return [_no_common_class(given["network_classes"], list(there), name)]
    return [
        f"{sum(unknown.values())} of {counted(len(class_ids), 'object')} of {name} are of "
        "classes that the "
        f"network does not know ({_listed(unknown)}); it knows "
        f"{_listed(given['network_classes'])}; bring names together with --class-map"
    ]


def _no_common_class(known: Sequence[str], there: Sequence[str], name: str) -> str:
    """Return the sentence for classes of network and truth that have no name in common."""
    return (
        f"network and truth have no class of one name: the network knows {_listed(known)}, {name} "
        f"has {_listed(there)}; bring names together with --class-map"
    )


def _listed(names: Iterable[str], limit: int = 200) -> str:
    text = ", ".join(filter(None, names)) or "none"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
