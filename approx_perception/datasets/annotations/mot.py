"""Ground truth in the text format of MOTChallenge."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from approx_perception.datasets.annotations._base import (
    Annotations,
    Identities,
    TruthRow,
    checked_box,
    ground_truth_from_rows,
)
from approx_perception.datasets.annotations.joining import Join, join_by_number
from approx_perception.exceptions import DatasetError, shown
from approx_perception.files import read_text
from approx_perception.structures import GroundTruth

__all__ = ["MOT_CLASSES", "MotAnnotations"]

_FORM = "frame,id,x,y,w,h[,flag,class,visibility]"
_COLUMNS = 6
#: With world coordinates in place of class and visibility (MOT15).
_WITH_WORLD = 10
_PEDESTRIAN = 1
_NOT_GIVEN = -1
#: What the class column says, where the user does not tell.
MOT_CLASSES: Mapping[int, str | None] = {_PEDESTRIAN: "person"}


class MotAnnotations(Annotations):
    """``frame,id,x,y,w,h[,flag,class,visibility]``, frames from 1, px.

    A flag of 0 marks a region to ignore, and so does a class without a name. Of ten columns, the
    last three are world coordinates, and the class is 1; so it is where the column holds -1.

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
        self.object_count = 0
        self._has_world = False
        lines = read_text(path, "ground truth", DatasetError).splitlines()
        for number, line in enumerate(lines, start=1):
            if line.strip():
                self.object_count += 1
                try:
                    self._add(line)
                except ValueError as error:
                    raise DatasetError(f"{path}, line {number}: {error}") from error

    def _add(self, line: str) -> None:
        self._has_world |= line.count(",") >= _WITH_WORLD - 1 and not line.endswith("-1,-1,-1")
        frame, identity, x, y, w, h, flag, class_number = _read_row(line)
        class_id = self._class_ids.get(class_number)
        if class_id is None and flag and class_number not in self._leaves_out:
            self._unnamed[class_number] += 1
        # Whoever looks for the first class must not be blamed for what is much like it.
        row = (
            checked_box(x, y, x + w, y + h), class_id or 0, self._identity(identity),
            class_id is None or not flag,
        )  # fmt: skip
        self._rows.setdefault(int(frame), []).append(row)

    def join(self, paths: Sequence[Path], frame_count: int = 0) -> Join:
        """See `Annotations`; by number."""
        found = join_by_number(paths, self._rows.keys(), counts_from=1)
        remarks = [*found.remarks]
        if self._has_world:
            remarks.append(
                "of its ten columns, the last three are taken for world coordinates, and all "
                "objects for class 1"
            )
        if self._unnamed:
            remarks.append(self._about_unnamed())
        return Join(found.key_of, tuple(remarks))

    def _about_unnamed(self) -> str:
        counts = ", ".join(f"{count} of class {n}" for n, count in sorted(self._unnamed.items()))
        return (
            f"objects of classes without a name are ignored ({counts}); name them in --class-map "
            f"with lines like '{min(self._unnamed)}: car'"
        )

    def ground_truth(self, key: int) -> GroundTruth | None:
        """See `Annotations`; a frame without a line is empty."""
        return ground_truth_from_rows(self._rows.get(key, []))


def _read_row(line: str) -> tuple[float, float, float, float, float, float, bool, int]:
    """Eight columns: frame, id, box, whether the object counts, and class."""
    values = [float(value) for value in line.rstrip(", \t").split(",")]
    if len(values) < _COLUMNS:
        raise ValueError(f"{len(values)} columns, expected {_FORM}")
    if not np.isfinite(values).all() or values[0] < 1:
        raise ValueError(
            f"{shown(line.strip())} has values that are not finite, or a frame below 1"
        )
    flag, class_number = [*values[6:8], 1.0, 1.0][:2]
    if len(values) < 8 or len(values) >= _WITH_WORLD or class_number == _NOT_GIVEN:
        class_number = float(_PEDESTRIAN)
    for what, value in (("frame", values[0]), ("id", values[1]), ("class", class_number)):
        if not value.is_integer():
            raise ValueError(f"{shown(line.strip())}: the {what} is no whole number")
    frame, identity, x, y, w, h = values[:_COLUMNS]
    return frame, identity, x, y, w, h, flag != 0, int(class_number)
