"""Ground truth in the text format of MOTChallenge."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from approx_perception.datasets.annotations._base import (
    Annotations,
    Identities,
    TruthRow,
    checked_box,
    checked_number,
    read_number,
)
from approx_perception.datasets.annotations.joining import Join, join_by_number
from approx_perception.exceptions import DatasetError, shown
from approx_perception.files import read_text

__all__ = ["MOT_CLASSES", "MotAnnotations"]

_Result = TypeVar("_Result")

_FORM = "frame,id,x,y,w,h[,flag,class,visibility]"
_COLUMNS = 6
#: With world coordinates in place of class and visibility (MOT15).
_WITH_WORLD = 10
_PEDESTRIAN = 1
_NOT_GIVEN = -1
#: No data set numbers so many classes; coordinates soon reach it.
_CLASSES = 1000
#: What the class column says, where the user does not tell.
MOT_CLASSES: Mapping[int, str | None] = {_PEDESTRIAN: "person"}


class MotAnnotations(Annotations):
    """``frame,id,x,y,w,h[,flag,class,visibility]``, frames from 1, px.

    A flag of 0 marks a region to ignore, and so does a class without a name. Of ten columns, the
    last three are world coordinates, and the class is 1; so it is where the column holds -1. They
    are class, truncation and occlusion (VisDrone) if all are whole numbers and the classes differ,
    or ``classes`` names one beside 1.

    Parameters
    ----------
    path
        ``gt.txt``.
    classes
        ``{number of a class: its name}``; several numbers may have one name. None for a name leaves
        the class out.

    Raises
    ------
    DatasetError
        Naming the line that cannot be read.
    """

    def __init__(self, path: Path, classes: Mapping[int, str | None] = MOT_CLASSES) -> None:
        self.name = str(path)
        named = {number: name for number, name in classes.items() if name is not None}
        self.class_names = tuple(dict.fromkeys(named.values()))
        self._class_ids = {number: self.class_names.index(name) for number, name in named.items()}
        self._identity = Identities()
        self._rows: dict[int, list[TruthRow]] = {}
        #: Objects of classes that have no name and were not left out.
        self._unnamed: Counter[int] = Counter()
        self._leaves_out = {number for number, name in classes.items() if name is None}
        lines = read_text(path, "ground truth", DatasetError).splitlines()
        numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
        self.object_count = len(numbered)
        rows = [self._located(number, _read_values, line) for number, line in numbered]
        self._has_class, self._about_columns = _class_among_ten(rows, classes.keys())
        for (number, line), values in zip(numbered, rows, strict=True):
            self._located(number, self._add, line, values)

    def _located(self, number: int, function: Callable[..., _Result], *arguments: Any) -> _Result:
        """Call with what a line says; an error names the line."""
        try:
            return function(*arguments)
        except ValueError as error:
            raise DatasetError(f"{self.name}, line {number}: {error}") from error

    def _add(self, line: str, values: list[float]) -> None:
        frame, identity, x, y, w, h = values[:_COLUMNS]
        flag, class_number = [*values[6:8], 1.0, 1.0][:2]
        if (
            len(values) < 8
            or class_number == _NOT_GIVEN
            or not (len(values) < _WITH_WORLD or self._has_class)
        ):
            class_number = float(_PEDESTRIAN)
        number = checked_number("class", class_number)
        if not identity.is_integer():
            raise ValueError(f"the id is {identity}, expected a whole number")
        class_id = self._class_ids.get(number)
        if class_id is None and flag and number not in self._leaves_out:
            self._unnamed[number] += 1
        # Whoever looks for the first class must not be blamed for what is much like it.
        row = (
            checked_box(x, y, x + w, y + h), class_id or 0, self._identity(identity),
            class_id is None or not flag,
        )  # fmt: skip
        self._rows.setdefault(checked_number("frame", frame), []).append(row)

    def join(self, paths: Sequence[Path], frame_count: int = 0) -> Join:
        """See `Annotations`; by number."""
        found = join_by_number(paths, self._rows.keys(), counts_from=1)
        remarks = [*found.remarks, *self._about_columns]
        if self._unnamed:
            remarks.append(self._about_unnamed())
        return Join(found.key_of, tuple(remarks))

    def _about_unnamed(self) -> str:
        counts = ", ".join(f"{count} of class {n}" for n, count in sorted(self._unnamed.items()))
        return (
            f"objects of classes without a name are ignored ({counts}); name them in --class-map "
            f"with lines like '{min(self._unnamed)}: car'"
        )


def _read_values(line: str) -> list[float]:
    """Numbers of a line, with at least frame, id and box."""
    try:
        values = [read_number(text) for text in line.rstrip(", \t").split(",")]
    except ValueError as error:
        raise ValueError(f"{error}; expected are numbers with commas between: {_FORM}") from error
    if len(values) < _COLUMNS:
        raise ValueError(f"{len(values)} columns, expected {_FORM}")
    if not np.isfinite(values).all() or values[0] < 1:
        raise ValueError(f"{shown(line)} has values that are not finite, or a frame below 1")
    return values


def _class_among_ten(rows: list[list[float]], named: Collection[int]) -> tuple[bool, list[str]]:
    """Whether the eighth of ten columns is a class (VisDrone) or a coordinate; and what to say.

    Classes are whole numbers, as all behind them, and the user names one beside 1, or they differ.
    """
    behind = [row[7:10] for row in rows if len(row) >= _WITH_WORLD]
    if all(value == _NOT_GIVEN for values in behind for value in values):
        return False, []
    numbers = {values[0] for values in behind}
    is_whole = all(value.is_integer() for values in behind for value in values)
    is_named = any(number in named and number != _PEDESTRIAN for number in numbers)
    is_varied = len(numbers) > 1 and min(numbers) >= 0 and max(numbers) < _CLASSES
    if is_whole and (is_named or is_varied):
        why = "the class map names it" if is_named else "it holds whole numbers that differ"
        return True, [f"of its ten columns, the eighth is taken for the class, as {why}"]
    return False, [
        "of its ten columns, the last three are taken for world coordinates, and all objects for "
        "class 1; if the eighth is a class, name its numbers in --class-map"
    ]
