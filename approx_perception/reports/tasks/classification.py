"""Classes in files and pictures."""

import csv
import io
from collections.abc import Iterator, Sequence
from types import MappingProxyType

import numpy as np

from approx_perception.metrics.run_record import RunRecord
from approx_perception.reports.tasks._base import Row, TaskReport
from approx_perception.structures import Classification, GroundTruth

__all__ = ["ClassificationReport"]

_FILE = "classes.csv"
_COLUMNS = (
    "frame", "stamp_ns", "rank", "class", "score", "region", "track_id", "x", "y", "w", "h",
)  # fmt: skip


def _name(class_id: int, class_names: Sequence[str]) -> str:
    """Name of a class; empty for one that the truth does not know."""
    return class_names[class_id] if class_id >= 0 else ""


class ClassificationReport(TaskReport):
    """See `TaskReport`."""

    frame_words = ("classified", "classified")
    count_name = "regions"
    headers = MappingProxyType({_FILE: _COLUMNS})
    picture_legend = 'Objects of the ground truth are <b class="white">white</b>.'

    def rows_of(
        self, number: int, stamp_ns: int, output: Classification, class_names: Sequence[str]
    ) -> Iterator[Row]:
        """See `TaskReport`; a row for each class, ranks and regions from 1, px."""
        for region in range(len(output)):
            x1, y1, x2, y2 = output.regions[region].tolist()
            box = [f"{value:.2f}" for value in (x1, y1, x2 - x1, y2 - y1)]
            place = [region + 1, int(output.track_ids[region]), *box]
            pairs = zip(output.class_ids[region], output.scores[region], strict=True)
            for rank, (class_id, score) in enumerate(pairs, start=1):
                name = _name(class_id, class_names)
                yield _FILE, [number, stamp_ns, rank, name, f"{score:.5f}", *place]

    def exports(self, record: RunRecord) -> Iterator[tuple[str, str]]:
        """See `TaskReport`; what `rows_of` yields, in the classes of the truth."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(_COLUMNS)
        for frame in np.flatnonzero(record.frames["processed"]).tolist():
            number, stamp_ns = (int(record.frames[n][frame]) for n in ("sequence", "stamp_ns"))
            rows = self.rows_of(number + 1, stamp_ns, record.output(frame), record.class_names)
            lines.writerows(row for _, row in rows)
        yield _FILE, text.getvalue()

    def error_of(
        self, output: Classification, truth: GroundTruth, class_names: Sequence[str]
    ) -> tuple[float, str]:
        """See `TaskReport`; the score of a likeliest class that is wrong."""
        label = truth.label
        if label is None or not len(output) or output.class_ids[0, 0] == label:
            return 0.0, ""
        given, score = _name(int(output.class_ids[0, 0]), class_names), float(output.scores[0, 0])
        return score, f"{given or 'a class that the truth does not know'} is {class_names[label]}"
