"""What every annotation file offers, and sources with the ground truth of one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from approx_perception.datasets._base import FrameSource, LabelledFrame
from approx_perception.datasets.annotations.joining import Join
from approx_perception.exceptions import DatasetError, shown
from approx_perception.files import whole_number
from approx_perception.structures import GroundTruth

__all__ = [
    "AnnotatedSource",
    "Annotations",
    "Identities",
    "TruthRow",
    "checked_box",
    "checked_number",
    "ground_truth_of",
    "read_number",
]

#: x1 y1 x2 y2 in px, class id, track id, ignored.
TruthRow = tuple[tuple[float, float, float, float], int, int, bool]

_NO_IDENTITY = -1
#: What is beyond is no place in an image; nan is never within.
_FARTHEST_PX = 1e9
#: Up to here, floating-point numbers tell all whole numbers apart.
_LARGEST_COUNT = 2**53
#: Texts are numbered from here on, so that they are no number that a file holds.
_FIRST_TEXT = 2**40


class Annotations(ABC):
    """Ground truth of a sequence of frames.

    Attributes
    ----------
    name
        Path of the file, or of the folder.
    class_names
        What class ids mean.
    object_count
        Objects in all frames that it tells of, those to be ignored included.
    """

    name: str
    class_names: tuple[str, ...]
    object_count: int
    #: By the keys of the `join`.
    _rows: Mapping[Any, Sequence[TruthRow]]

    @abstractmethod
    def join(self, paths: Sequence[Path], frame_count: int = 0) -> Join:
        """Find what belongs to each frame.

        Parameters
        ----------
        paths
            Files of a source's frames; empty where frames have none.
        frame_count
            Frames of the source; 0 where that is not known.
        """

    def ground_truth(self, key: Any) -> GroundTruth:
        """Return what is in the frame that a key of the `join` stands for; may be nothing."""
        return ground_truth_of(self._rows.get(key, []))


class Identities:
    """Numbers for what files give as an object's identity: numbers stay, texts are numbered."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}

    def __call__(self, value: object) -> int:
        """Return the number; -1 for nothing (null, or an empty text).

        Raises
        ------
        ValueError
            If it is neither number nor text.
        """
        if value is None or value == "":
            return _NO_IDENTITY
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str):
            text = value.strip()
            value = text if whole_number(text.removeprefix("-")) is None else int(text)
        if isinstance(value, str) or (isinstance(value, int) and abs(value) >= _FIRST_TEXT):
            return self._texts.setdefault(str(value), _FIRST_TEXT + len(self._texts))
        if type(value) is int:
            return value
        raise ValueError(f"the identity is {shown(value)}, expected a number or a text")


def read_number(text: str) -> float:
    """Return the number that a column holds.

    Raises
    ------
    ValueError
        If it holds none.
    """
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{shown(text.strip())} is no number") from None


def checked_number(what: str, value: float) -> int:
    """Return a number that counts; ``what`` names its column for the error.

    Raises
    ------
    ValueError
        If it is no whole number, or one that no file counts to.
    """
    if not value.is_integer() or abs(value) > _LARGEST_COUNT:
        raise ValueError(f"the {what} is {value}, expected a whole number up to {_LARGEST_COUNT}")
    return int(value)


def checked_box(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float, float, float]:
    """Return a box whose sides are numbers and not negative.

    Raises
    ------
    ValueError
        If it is none.
    """
    box = (x1, y1, x2, y2)
    if not all(abs(side) < _FARTHEST_PX for side in box):
        raise ValueError(f"the box {box} has sides that are no numbers")
    if x2 < x1 or y2 < y1:
        raise ValueError(f"the box {box} (x1, y1, x2, y2 in px) has a negative side")
    return box


def ground_truth_of(rows: Sequence[TruthRow]) -> GroundTruth:
    """Bring objects into the columns of a frame's ground truth."""
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) if rows else [()] * 4
    return GroundTruth(
        np.array(columns[0], np.float32).reshape(-1, 4),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], bool),
    )


class AnnotatedSource(FrameSource):
    """A source with the ground truth of a file in place of its own.

    Parameters
    ----------
    source
        Gives the frames.
    annotations
        Give what is in them.
    """

    def __init__(self, source: FrameSource, annotations: Annotations) -> None:
        self._source, self._annotations = source, annotations
        self.name, self.fps, self.frame_count = source.name, source.fps, source.frame_count
        self.frame_paths = source.frame_paths
        self.class_names = annotations.class_names
        self.truth_name, self.truth_objects = annotations.name, annotations.object_count
        self._join = annotations.join(source.frame_paths, source.frame_count)

    def check_is_of_use(self) -> None:
        """Refuse truth that says nothing of this source, before anything is run.

        Raises
        ------
        DatasetError
            If the file tells of no object, or of none in the source's frames.
        """
        if not self._annotations.object_count:
            raise DatasetError(f"{self.truth_name} holds no object; give another ground truth")
        # Of a source that does not know its length, the run tells.
        if self.frame_count and not any(map(self._truth, range(self.frame_count))):
            has = f"it has {self.frame_count} frames"
            reasons = "; ".join((has, *self._join.remarks))
            raise DatasetError(
                f"none of the {self.truth_objects} objects of {self.truth_name} is in a frame of "
                f"{self.name}: {reasons}"
            )

    def _truth(self, index: int) -> GroundTruth | None:
        key = self._join.key_of(index)
        return None if key is None else self._annotations.ground_truth(key)

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Yield all frames; see `FrameSource`."""
        for entry in self._source:
            yield replace(entry, ground_truth=self._truth(entry.frame.sequence))

    def truth_remarks(self) -> tuple[str, ...]:
        """See `FrameSource`."""
        return self._join.remarks
