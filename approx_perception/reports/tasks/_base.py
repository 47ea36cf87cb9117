"""What reports ask of a task."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import GroundTruth

__all__ = ["Row", "TaskReport"]

#: Name of a file of a run, and what one line of it holds.
Row = tuple[str, Sequence[object]]


class TaskReport(ABC):
    """How the outputs of one task are written and shown; without state.

    Attributes
    ----------
    frame_words
        What the first frame of a group is called, and what the others are.
    count_name
        What an output holds several of.
    headers
        ``{file of a run: names of its columns}``; none where its format has no header.
    writes_bag
        Whether results can be written as a bag.
    picture_legend
        How pictures are to be read, as HTML.
    """

    frame_words: tuple[str, str]
    count_name: str
    headers: Mapping[str, Sequence[str]] = MappingProxyType({})
    writes_bag: bool = False
    picture_legend: str

    @abstractmethod
    def rows_of(
        self, number: int, stamp_ns: int, output: Any, class_names: Sequence[str]
    ) -> Iterator[Row]:
        """Yield what the files of `headers` hold of one frame, which are numbered from 1."""

    @abstractmethod
    def exports(self, record: RunRecord) -> Iterator[tuple[str, str]]:
        """Yield name and content of each file in other people's formats."""

    @abstractmethod
    def error_of(
        self, output: Any, truth: GroundTruth, class_names: Sequence[str]
    ) -> tuple[float, str]:
        """How wrong an output is, 0 for right, and in words."""

    def to_draw(self, output: Any) -> Any:
        """What of an output is worth being drawn."""
        return output
