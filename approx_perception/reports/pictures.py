"""The frames of a run that are worth a look, drawn for a page."""

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from approx_perception.datasets import FrameSource
from approx_perception.kernels.annotate import annotate
from approx_perception.metrics.run_record import RunRecord
from approx_perception.reports.tasks.by_task import report_of

__all__ = ["Picture", "worst_pictures"]

#: Wider ones are shrunk; the page shows them small until somebody clicks.
_PICTURE_WIDTH_PX = 1280
_JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame with its boxes, as JPEG in base64, and what is bad about it."""

    data: str
    text: str


def worst_pictures(record: RunRecord, source: FrameSource, count: int) -> list[Picture]:
    """Draw the frames that were the furthest over the SLA, and those that are the most wrong.

    Parameters
    ----------
    record
        A run on this source.
    source
        Read again, as records hold no images.
    count
        Half of the pictures are of each kind.
    """
    late = record.frames["processing_ms"] / np.maximum(record.frames["sla_ms"], 1e-9)
    late[~record.frames["processed"]] = 0.0
    report, errors, words = report_of(record.scoring.task), np.zeros(len(record)), {}
    for frame, output, truth in record.scored():
        errors[frame], words[frame] = report.error_of(output, truth, record.class_names)
    texts: dict[int, str] = {}
    for frame in np.argsort(-late, kind="stable")[: count // 2].tolist():
        if late[frame] > 1:
            texts[frame] = (
                f"{record.frames['processing_ms'][frame]:.0f} ms at an SLA of "
                f"{record.frames['sla_ms'][frame]:g} ms"
            )
    for frame in np.argsort(-errors, kind="stable").tolist():
        if len(texts) >= count or not errors[frame]:
            break
        texts[frame] = f"{texts[frame]}; {words[frame]}" if frame in texts else words[frame]
    wanted = dict(sorted(texts.items()))
    pictures = []
    for entry in source:
        index = entry.frame.sequence
        if index in wanted:
            branch = record.metadata["branches"][record.frames["branch"][index]]
            text = f"frame {index + 1}: {wanted[index]} ({branch})"
            pictures.append(Picture(_drawn(record, index, entry.frame.image), text))
        if wanted and index >= max(wanted):
            break
    return pictures


def _drawn(record: RunRecord, index: int, image: Any) -> str:
    output = report_of(record.scoring.task).to_draw(record.output(index))
    picture = image.copy()
    truth = record.ground_truth(index)
    if truth is not None:
        for box in truth.boxes[~truth.ignored].astype(int).tolist():
            cv2.rectangle(picture, box[:2], box[2:], (255, 255, 255), 1, cv2.LINE_AA)
    # The last name is that of class -1, which the truth does not know.
    picture = annotate(picture, output, (*record.class_names, "not in the truth"), ())
    scale = _PICTURE_WIDTH_PX / picture.shape[1]
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return base64.b64encode(data.tobytes()).decode()
