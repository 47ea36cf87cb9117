"""Detections in files and pictures."""

import json
from collections.abc import Iterator, Sequence
from types import MappingProxyType

import numpy as np

from approx_perception.metrics.average_precision import match_frame
from approx_perception.metrics.coco import coco_results, coco_truth
from approx_perception.metrics.run_record import RunRecord
from approx_perception.reports.tasks._base import Row, TaskReport
from approx_perception.structures import Detections, GroundTruth

__all__ = ["DetectionReport", "mot_lines"]

_CONFIDENT_SCORE = 0.3


def mot_lines(record: RunRecord, identified: bool = True) -> str:
    """Objects as ``frame,id,x,y,w,h,score,class,-1``, frames and classes from 1, px.

    Parameters
    ----------
    record
        Of the run.
    identified
        Whether those that have an identity, or those that have none (id -1).
    """
    lines = []
    for frame in np.flatnonzero(record.frames["processed"]).tolist():
        found = record.output(frame)
        found = found.select((found.track_ids >= 0) == identified)
        number = int(record.frames["sequence"][frame]) + 1
        for index, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            lines.append(
                f"{number},{found.track_ids[index]},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
                f"{found.scores[index]:.5f},{found.class_ids[index] + 1},-1\n"
            )
    return "".join(lines)


class DetectionReport(TaskReport):
    """See `TaskReport`.

    Objects without an identity have a file of their own: tools for tracks take rows that share the
    id -1 for one object that is in many places.
    """

    frame_words = ("detected", "tracked")
    count_name = "objects"
    headers = MappingProxyType({"detections.txt": (), "unidentified.txt": ()})
    writes_bag = True
    picture_legend = (
        "Boxes: <b>thick</b> detected in this frame, <b>thin</b> tracked; a colour for each "
        'identity, <b class="grey">grey</b> where there is none yet; <b class="white">white</b> '
        "ground truth."
    )

    def rows_of(
        self, number: int, stamp_ns: int, output: Detections, class_names: Sequence[str]
    ) -> Iterator[Row]:
        """See `TaskReport`; ``frame,id,x,y,w,h,score,class_name``, px."""
        for index in range(len(output)):
            x1, y1, x2, y2 = output.boxes[index].tolist()
            box = (f"{value:.2f}" for value in (x1, y1, x2 - x1, y2 - y1))
            score, identity = f"{output.scores[index]:.5f}", output.track_ids[index]
            file = "detections.txt" if identity >= 0 else "unidentified.txt"
            yield file, [number, identity, *box, score, class_names[output.class_ids[index]]]

    def exports(self, record: RunRecord) -> Iterator[tuple[str, str]]:
        """See `TaskReport`; MOTChallenge and COCO.

        MOTChallenge's own tools refuse a frame with two rows of the id -1.
        """
        yield "mot.txt", mot_lines(record)
        yield "mot_unidentified.txt", mot_lines(record, identified=False)
        yield "coco_results.json", json.dumps(coco_results([record]))
        yield "coco_ground_truth.json", json.dumps(coco_truth([record]))

    def error_of(
        self, output: Detections, truth: GroundTruth, class_names: Sequence[str]
    ) -> tuple[float, str]:
        """See `TaskReport`; the number of false and missed objects."""
        match = match_frame(self.to_draw(output), truth)
        count = len(match.hits) + len(match.truth_class_ids) - 2 * int(match.hits.sum())
        return count, f"{count} false or missed objects"

    def to_draw(self, output: Detections) -> Detections:
        """See `TaskReport`; those of some confidence."""
        return output.with_score(_CONFIDENT_SCORE)
