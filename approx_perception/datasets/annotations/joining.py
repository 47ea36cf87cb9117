"""Which entry of a file of ground truth belongs to which frame: by path or by number."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from approx_perception.datasets.frame_names import frame_numbers
from approx_perception.exceptions import DatasetError, choices, shown

__all__ = ["Join", "join_by_count", "join_by_number", "join_by_path"]


@dataclass(frozen=True, slots=True)
class Join:
    """What belongs to each frame of a source.

    Attributes
    ----------
    key_of
        From the position of a frame, from 0 on, to the key of its entry; None where it has none.
    remarks
        How frames and entries were brought together, where that is not plain.
    """

    key_of: Callable[[int], Any]
    remarks: tuple[str, ...] = ()


def join_by_count(
    keys: Sequence[Any], numbers: Sequence[int | None], frame_count: int, paths: Sequence[Path] = ()
) -> Join:
    """Join by the numbers that entries have, or by their order where not one has any.

    Numbers count from 0 if one is 0, else from 1; it is said where that is not plain.

    Parameters
    ----------
    keys
        Of the entries, in their order.
    numbers
        Of each entry; those without one belong to no frame, if others have one.
    frame_count
        Frames of the source; 0 where that is not known.
    paths
        See `join_by_number`.
    """
    numbered = {n: key for key, n in zip(keys, numbers, strict=True) if n is not None}
    if not numbered:
        remark = "its entries have neither names nor numbers, so that they are taken in their order"
        return Join(lambda index: keys[index] if index < len(keys) else None, (remark,))
    remarks = []
    if without := [key for key, number in zip(keys, numbers, strict=True) if number is None]:
        remarks.append(f"{len(without)} of its entries have no number, as {shown(without[0])}")
    first = 0 if 0 in numbered else 1
    found = join_by_number(paths, numbered, first)
    if not paths and first and (not frame_count or max(numbered) < frame_count):
        remarks.append(
            f"its frames {min(numbered)} to {max(numbered)} are counted from 1, as none of them is "
            "0: if it counts from 0, all are one frame early"
        )
    return Join(lambda index: numbered.get(found.key_of(index)), (*remarks, *found.remarks))


def join_by_number(paths: Sequence[Path], numbers: Collection[int], counts_from: int) -> Join:
    """Join by the number of a frame; keys are numbers of the file.

    Parameters
    ----------
    paths
        Of the source's frames, whose names tell their numbers; empty where frames have no files,
        and then they are numbered in their order.
    numbers
        Of the frames that the file tells of.
    counts_from
        Number of the first frame in the file's own counting.
    """
    if not paths:
        return Join(lambda index: index + counts_from)
    own = frame_numbers([path.name for path in paths])
    known = [number for number in own if number is not None]
    if not known:
        remark = "the names of the images tell no numbers, so that they are counted in their order"
        return Join(lambda index: index + counts_from, (remark,))
    remarks = []
    if len(known) < len(own):
        first = paths[own.index(None)].name
        remarks.append(f"{len(own) - len(known)} images have no number, as {shown(first)}")
    shift = counts_from if 0 in known else 0
    if shift:
        remarks.append(f"images are numbered from 0, its frames from {counts_from}")
    if numbers and not {number + shift for number in known} >= set(numbers):
        remarks.append(
            f"images are numbered {min(known)} to {max(known)}, its frames {min(numbers)} to "
            f"{max(numbers)}"
        )
    keys = [None if number is None else number + shift for number in own]
    return Join(lambda index: keys[index], tuple(remarks))


def join_by_path(paths: Sequence[Path], names: Mapping[Any, str]) -> Join:
    """Join by the name of the file, and by its folder where several folders are told of.

    Parameters
    ----------
    paths
        Of the source's frames, all in one folder.
    names
        ``{key: path of the image}``; the ending need not be that of the frame's file.

    Raises
    ------
    DatasetError
        If two entries may belong to one frame.
    """
    entries = {key: PurePosixPath(name.replace("\\", "/")) for key, name in names.items()}
    around = set(paths[0].absolute().parent.parts)
    likeness = {
        folder: len(around.intersection(folder.parts))
        for folder in {entry.parent for entry in entries.values()}
    }
    best = max(likeness.values(), default=0)
    by_name: dict[str, list[Any]] = {}
    by_stem: dict[str, list[Any]] = {}
    for key, entry in entries.items():
        if likeness[entry.parent] == best:
            by_name.setdefault(entry.name, []).append(key)
            by_stem.setdefault(entry.stem, []).append(key)
    keys = []
    for path in paths:
        found = by_name.get(path.name) or by_stem.get(path.stem) or [None]
        if len(found) > 1:
            raise DatasetError(_ambiguity(path, {key: str(entries[key]) for key in found}))
        keys.append(found[0])
    remarks = []
    folders = [folder for folder in likeness if folder.parts]
    if folders and best == 0 and any(key is not None for key in keys):
        remarks.append(
            f"its images are of {shown(str(folders[0]))}, the source's of {paths[0].parent}: only "
            "the names of files were compared"
        )
    if missing := [path.name for path, key in zip(paths, keys, strict=True) if key is None]:
        has = f"; its entries are of {shown(next(iter(names.values())))} and so on" if names else ""
        remarks.append(f"{len(missing)} images have no entry, as {shown(missing[0])}{has}")
    return Join(lambda index: keys[index], tuple(remarks))


def _ambiguity(path: Path, names: Mapping[Any, str]) -> str:
    """Say why a frame has several entries: they are of several folders, or one is there twice."""
    different = sorted(set(names.values()))
    if len(different) > 1:
        return (
            f"the frame {path} may be {choices(different)}; name the source's folder as the file "
            "of ground truth does"
        )
    ids = ", ".join(shown(key) for key in names)
    return (
        f"{len(names)} images of the ground truth name the same file {shown(different[0])} (ids "
        f"{ids}); keep one of them, or give each the name of its own file"
    )
