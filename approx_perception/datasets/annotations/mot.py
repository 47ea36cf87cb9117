"""Ground truth in the text format of MOTChallenge."""

from pathlib import Path

import numpy as np

from approx_perception.datasets.annotations._base import Annotations, ground_truth_from_rows
from approx_perception.exceptions import DatasetError
from approx_perception.structures import GroundTruth

__all__ = ["MotAnnotations"]

_COLUMNS = 6
_PERSON = 1


class MotAnnotations(Annotations):
    """``frame,id,x,y,w,h[,flag,class,visibility]``, frames from 1, px.

    A flag of 0 marks a region to ignore, and so does any class but 1 (pedestrian).

    Parameters
    ----------
    path
        ``gt.txt``.
    class_name
        What class 1 is called.

    Raises
    ------
    DatasetError
        Naming the line that cannot be read.
    """

    def __init__(self, path: Path, class_name: str = "person") -> None:
        self.class_names = (class_name,)
        self._by_frame: dict[int, list[list[float]]] = {}
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error}") from error
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = _read_row(path, number, line)
                self._by_frame.setdefault(int(row[0]), []).append(row)

    def ground_truth(self, index: int, frame_name: str) -> GroundTruth | None:
        """See `Annotations`; a frame without a line is empty."""
        return ground_truth_from_rows(
            [
                ((x, y, x + w, y + h), 0, int(track_id), flag == 0 or class_id != _PERSON)
                for _, track_id, x, y, w, h, flag, class_id in self._by_frame.get(index + 1, [])
            ]
        )


def _read_row(path: Path, number: int, line: str) -> list[float]:
    """Eight columns; flag and class are 1 where not given."""
    try:
        values = [float(value) for value in line.rstrip(", \t").split(",")]
    except ValueError as error:
        raise DatasetError(f"{path}, line {number}: {error}") from error
    if len(values) < _COLUMNS:
        raise DatasetError(
            f"{path}, line {number}: {len(values)} columns, expected frame,id,x,y,w,h"
            "[,flag,class,visibility]"
        )
    if not np.isfinite(values).all() or values[0] < 1:
        raise DatasetError(
            f"{path}, line {number}: {line.strip()!r} has values that are not finite, or a frame "
            "below 1"
        )
    return [*values, 1.0, 1.0][:8]
