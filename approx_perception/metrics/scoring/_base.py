"""How the outputs of one task are recorded and judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.class_map import ClassMap
from approx_perception.files import Columns
from approx_perception.structures import GroundTruth

if TYPE_CHECKING:
    from approx_perception.metrics.run_record import RunRecord

__all__ = ["Match", "Scoring"]

#: An output of one frame compared with its truth; of the task's own type.
Match = Any


class Scoring(ABC):
    """All that records, figures, profiles and reports ask of a task.

    Attributes
    ----------
    task
        What the kernel does.
    measure
        Name of the figure that is the accuracy.
    measure_name
        The same for people.
    stages
        Columns of the stages of a frame, in the order in which they run.
    found_columns
        Types of the columns that keep outputs; ``class_ids`` is one of them.
    content_columns
        Types of the columns that keep what was known of a frame's content.
    figures
        ``{figure: what it is}`` of those that only this task has; the measure is one of them.
    headlines
        Those of them that a summary shows first.
    columns
        ``{figure: heading}`` of those that a comparison shows beside the measure.
    in_empty_frames
        What becomes of outputs for frames whose truth is empty, in words.
    judges_objects
        Whether each object of the truth is judged; else each frame as a whole.
    """

    task: str
    measure: str
    measure_name: str
    stages: tuple[str, ...]
    found_columns: Mapping[str, Any]
    content_columns: Mapping[str, Any] = MappingProxyType({})
    figures: Mapping[str, str]
    headlines: tuple[str, ...]
    columns: Mapping[str, str]
    in_empty_frames: str
    judges_objects: bool = True

    @abstractmethod
    def columns_of(self, output: Any) -> Columns:
        """Rows that keep an output, of one length; maybe none."""

    @abstractmethod
    def output_of(self, columns: Columns) -> Any:
        """Build an output from the rows that `columns_of` made of it."""

    def content_of(self, content: Any) -> dict[str, float]:
        """`content_columns` of one frame."""
        return {}

    @abstractmethod
    def empty(self) -> Any:
        """Output that says nothing."""

    @abstractmethod
    def mapped(self, output: Any, class_map: ClassMap) -> Any:
        """Return an output in the classes of the truth."""

    @abstractmethod
    def match(self, output: Any, truth: GroundTruth) -> Match:
        """Compare what was published for a frame with what is there, both in the same classes."""

    @abstractmethod
    def mean(self, matches: Iterable[Match], class_count: int) -> float:
        """Return the measure over frames, 0..1; nan where nothing was to be found."""

    @abstractmethod
    def mean_of_draws(
        self, matches: Sequence[Match], class_count: int, counts: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float64]:
        """``(D,)`` measure of many draws of N frames, as a bootstrap needs it.

        ``(D, N)`` counts tell how often each frame stands in each draw.
        """

    @abstractmethod
    def pooled(self, matches: Iterable[Match]) -> float:
        """Measure for a few frames, where a mean over classes would hang on single objects."""

    @abstractmethod
    def figures_of(self, records: Sequence[RunRecord]) -> dict[str, float]:
        """Compute `figures` over all records together, of one set of classes.

        What the records do not tell may be missing.
        """

    @abstractmethod
    def why_nothing_is_right(self, records: Sequence[RunRecord]) -> str:
        """Say why the measure may be 0, where it is."""

    def how(self, record: RunRecord) -> str:
        """What went into the measure of a record, in words; empty for nothing."""
        return ""

    def truth_warnings(self, record: RunRecord, name: str) -> list[str]:
        """Sentences on what this task cannot use of the truth of a name."""
        return []

    def missing_figures(self) -> str:
        """Why figures are left out on this machine, in a sentence; empty where none are."""
        return ""
