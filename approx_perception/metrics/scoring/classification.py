"""Classes: is the label of the frame the likeliest, or among the five likeliest?"""

import math
from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.class_map import ClassMap
from approx_perception.exceptions import DatasetError, counted
from approx_perception.files import Columns
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring._base import Scoring
from approx_perception.metrics.streaming import streamed
from approx_perception.structures import (
    COMPLEXITY_CATEGORIES,
    Classification,
    Content,
    GroundTruth,
    ImageComplexity,
)

__all__ = ["ClassificationScoring"]

_CATEGORIES = range(COMPLEXITY_CATEGORIES)
_FIGURES = {
    "top1": "share of frames whose label is the likeliest class, of the frames that were processed",
    "top5": "share of frames whose label is among the five likeliest classes that were published",
    "streaming_top1": "at each frame's time, top-1 of the newest output that was out by then",
    **{
        f"top1_complexity_{category}": f"top-1 of frames of complexity {category}, of 0 (easy) to "
        f"{COMPLEXITY_CATEGORIES - 1} (hard)"
        for category in _CATEGORIES
    },
}


class ClassificationScoring(Scoring):
    """See `Scoring`.

    The label of a frame is that of `GroundTruth.label`; the first region answers for the frame. A
    match is the rank of the label among the classes that were published: 0 for the likeliest, -1
    where it is not among them, None where a frame has no label.
    """

    task = "classification"
    measure = "top1"
    measure_name = "top-1"
    stages = ("decode_ms", "schedule_ms", "classify_ms")
    #: One row for each class of each region; the regions of a frame have equally many classes.
    found_columns = MappingProxyType({
        "class_ids": np.int64, "scores": np.float32, "ranks": np.int64, "regions": (np.float32, 4),
        "track_ids": np.int64,
    })  # fmt: skip
    content_columns = MappingProxyType({"complexity": np.int64})
    figures = _FIGURES
    headlines = ("top1", "top5", "streaming_top1")
    columns = MappingProxyType({"top5": "top-5"})
    in_empty_frames = "they are not judged"
    judges_objects = False

    def columns_of(self, output: Classification) -> Columns:
        """See `Scoring`."""
        count, width = output.class_ids.shape
        return {
            "class_ids": output.class_ids.ravel(), "scores": output.scores.ravel(),
            "ranks": np.tile(np.arange(width), count),
            "regions": np.repeat(output.regions, width, axis=0),
            "track_ids": np.repeat(output.track_ids, width),
        }  # fmt: skip

    def output_of(self, columns: Columns) -> Classification:
        """See `Scoring`.

        Raises
        ------
        DatasetError
            If regions have different numbers of classes.
        """
        first = np.flatnonzero(columns["ranks"] == 0)
        if not len(first):
            return self.empty()
        width, rest = divmod(len(columns["ranks"]), len(first))
        if rest:
            raise DatasetError(
                f"the record is damaged: {counted(len(columns['ranks']), 'class')} of "
                f"{counted(len(first), 'region')}"
            )
        return Classification(
            columns["class_ids"].reshape(-1, width), columns["scores"].reshape(-1, width),
            columns["regions"][first], columns["track_ids"][first],
        )  # fmt: skip

    def content_of(self, content: Content) -> dict[str, float]:
        """See `Scoring`."""
        return {"complexity": content.category if isinstance(content, ImageComplexity) else -1}

    def empty(self) -> Classification:
        """See `Scoring`."""
        return Classification.empty()

    def mapped(self, output: Classification, class_map: ClassMap) -> Classification:
        """See `Scoring`; a class that the truth does not know stays as a wrong answer, -1."""
        return Classification(
            class_map.ids(output.class_ids), output.scores, output.regions, output.track_ids
        )

    def match(self, output: Classification, truth: GroundTruth) -> int | None:
        """See `Scoring`."""
        label = truth.label
        if label is None:
            return None
        ranks = np.flatnonzero(output.class_ids[:1].ravel() == label)
        return int(ranks[0]) if len(ranks) else -1

    def mean(self, matches: Iterable[int | None], class_count: int) -> float:
        """See `Scoring`."""
        return _share(matches, 1)

    def mean_of_draws(
        self,
        matches: Sequence[int | None],
        class_count: int,
        counts: npt.NDArray[np.integer],
    ) -> npt.NDArray[np.float64]:
        """See `Scoring`."""
        known = np.array([match is not None for match in matches], np.float64)
        right = np.array([match == 0 for match in matches], np.float64)
        total = counts @ known
        return np.where(total > 0, counts @ right / np.maximum(total, 1), np.nan)

    def pooled(self, matches: Iterable[int | None]) -> float:
        """See `Scoring`."""
        return _share(matches, 1)

    def figures_of(self, records: Sequence[RunRecord]) -> dict[str, float]:
        """See `Scoring`."""
        matches = [match for record in records for match in record.matches()]
        values = {"top1": _share(matches, 1), "top5": _share(matches, 5)}
        complexity = [*_complexities(records)]
        for category in _CATEGORIES:
            own = (m for m, c in zip(matches, complexity, strict=True) if c == category)
            values[f"top1_complexity_{category}"] = _share(own, 1)
        if records and all(record.metadata.get("has_time") for record in records):
            newest = (self.match(*pair) for record in records for pair in streamed(record))
            values["streaming_top1"] = _share(newest, 1)
        return values

    def why_nothing_is_right(self, records: Sequence[RunRecord]) -> str:
        """See `Scoring`."""
        return "no answer is the class in the ground truth; is it of these images?"


def _share(matches: Iterable[int | None], count: int) -> float:
    """Share of frames whose label is among the ``count`` likeliest classes; nan of none."""
    known = [match for match in matches if match is not None]
    return sum(0 <= match < count for match in known) / len(known) if known else math.nan


def _complexities(records: Sequence[RunRecord]) -> Iterator[int]:
    """Category of each frame that is compared with its truth."""
    for record in records:
        for frame, _, _ in record.scored():
            yield int(record.frames["complexity"][frame])
