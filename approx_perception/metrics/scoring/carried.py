"""Recorded detections as a forecast would have had them when they were published."""

from collections.abc import Iterator

import numpy as np

from approx_perception.association import Forecast
from approx_perception.association.motion import Motion
from approx_perception.metrics.run_record import RunRecord
from approx_perception.structures import Detections

__all__ = ["carried_to_publishing"]


def carried_to_publishing(record: RunRecord) -> Iterator[tuple[int, Detections]]:
    """Yield the position of each processed frame and its objects at the time of publishing.

    Each identity's motion is told from its published boxes.
    """
    motions: dict[int, Motion] = {}
    columns, before_s = record.frames, -np.inf
    for frame in np.flatnonzero(columns["processed"]).tolist():
        found, now_s = record.output(frame), float(columns["stamp_ns"][frame]) / 1e9
        if now_s < before_s:
            motions.clear()
        before_s = now_s
        courses = {}
        for track_id, box in zip(found.track_ids.tolist(), found.boxes.tolist(), strict=True):
            if track_id < 0:
                continue
            if track_id in motions:
                motions[track_id].see(box, now_s)
            else:
                motions[track_id] = Motion(box, now_s)
            courses[track_id] = motions[track_id].course
        size = int(columns["width"][frame]), int(columns["height"][frame])
        late_ns = int(columns["published_ns"][frame] - columns["stamp_ns"][frame])
        yield frame, Forecast(found, courses, size).after(max(late_ns, 0) / 1e6)
