"""What ``approx-perception run`` found, taken as truth."""

import csv
from collections.abc import Sequence
from pathlib import Path

from approx_perception.datasets.annotations._base import (
    Annotations,
    Identities,
    TruthRow,
    checked_box,
    checked_number,
    read_number,
)
from approx_perception.datasets.annotations.joining import Join
from approx_perception.datasets.frame_names import frame_numbers
from approx_perception.exceptions import DatasetError, shown
from approx_perception.files import read_text

__all__ = ["TRUSTED_SCORE", "OwnDetections", "is_own_detections"]

#: Detections from this score on are objects; weaker ones are neither hits nor misses.
TRUSTED_SCORE = 0.5
_FORM = "frame,id,x,y,w,h,score,class_name"
_COLUMNS = _FORM.count(",") + 1
_OBJECTS, _UNIDENTIFIED = "detections.txt", "unidentified.txt"


def is_own_detections(path: Path) -> bool:
    """Whether a text is of `RunFiles`: by its name, or by names in the column of classes."""
    if path.name in (_OBJECTS, _UNIDENTIFIED):
        return True
    try:
        rows = csv.reader(read_text(path, "ground truth", DatasetError).splitlines())
        return any(len(row) == _COLUMNS and not _is_number(row[-1]) for row in rows)
    except csv.Error:
        return False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text.strip()
    return True


class OwnDetections(Annotations):
    """``frame,id,x,y,w,h,score,class_name``, frames from 1 in the order of the source, px, CSV.

    Detections with a score below `TRUSTED_SCORE` are regions to ignore. Objects without an identity
    are read from ``unidentified.txt`` beside ``detections.txt``.

    Parameters
    ----------
    path
        ``detections.txt`` of a run over the same frames.
    run_start
        Position, from 0 on, of the source's frame that the run began with; None where nothing
        tells it: then the source's first one.

    Raises
    ------
    DatasetError
        Naming the line that cannot be read.
    """

    def __init__(self, path: Path, run_start: int | None = 0) -> None:
        self.name, self._run_start = str(path), run_start
        identity_of = Identities()
        rows = _read_rows(path, identity_of)
        beside = path.with_name(_UNIDENTIFIED)
        self._unidentified_count = 0
        if path.name == _OBJECTS and beside.exists():
            unidentified = _read_rows(beside, identity_of)
            self._unidentified_count = len(unidentified)
            rows += unidentified
        self.object_count = len(rows)
        self.class_names = tuple(sorted({name for _, name, _ in rows}))
        numbers = {name: number for number, name in enumerate(self.class_names)}
        self._rows: dict[int, list[TruthRow]] = {}
        for frame, name, (box, _, identity, ignored) in rows:
            self._rows.setdefault(frame, []).append((box, numbers[name], identity, ignored))

    def join(self, paths: Sequence[Path], frame_count: int = 0) -> Join:
        """See `Annotations`; by position, for so the run numbered them."""
        del frame_count
        start, remarks = self._run_start or 0, []
        if count := self._unidentified_count:
            remarks.append(f"{count} of its objects are from {_UNIDENTIFIED} beside it")
        if self._run_start is None:
            remarks.append(
                "no config.yaml beside it tells which frames its run had, so that it is counted "
                "from the first frame of this part"
            )
        elif start:
            remarks.append(f"its run began with frame {start} of the source, and so does it")
        numbers = frame_numbers([path.name for path in paths])
        first = numbers[0] if numbers and numbers[0] in (0, 1) else 1
        if paths and numbers != list(range(first, first + len(paths))):
            remarks.append(
                "its frames are counted in the order of the images, whatever numbers their names "
                "have"
            )
        return Join(lambda index: index - start + 1, tuple(remarks))


def _read_rows(path: Path, identity_of: Identities) -> list[tuple[int, str, TruthRow]]:
    """Frame, class name, and the object with class 0, of each line."""
    rows = []
    text = read_text(path, "ground truth", DatasetError)
    try:
        reader = csv.reader(text.splitlines(keepends=True), strict=True)
        for row in filter(None, reader):
            try:
                rows.append(_read_row(row, identity_of))
            except ValueError as error:
                raise DatasetError(f"{path}, line {reader.line_num}: {error}") from error
    except csv.Error as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    return rows


def _read_row(row: list[str], identity_of: Identities) -> tuple[int, str, TruthRow]:
    """See `_read_rows`."""
    if len(row) != _COLUMNS:
        raise ValueError(f"{len(row)} columns, expected {_FORM}")
    frame, identity = checked_number("frame", read_number(row[0])), identity_of(row[1])
    x, y, w, h, score = map(read_number, row[2:7])
    if frame < 1 or not 0 <= score <= 1:
        raise ValueError(f"{shown(','.join(row))} has a frame below 1, or a score beyond 0 to 1")
    box = checked_box(x, y, x + w, y + h)
    return frame, row[7], (box, 0, identity, score < TRUSTED_SCORE)
